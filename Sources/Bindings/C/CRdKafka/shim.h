// CRdKafka: what Swift needs to see of the system's librdkafka. Only what Swift cannot call by itself (variadics, macros) is wrapped here.
#pragma once
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
