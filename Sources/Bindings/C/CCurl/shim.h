// CCurl: what Swift needs to see of the system's libcurl. Only what Swift cannot call by itself (variadics, macros) is wrapped here.
#pragma once
#include <curl/curl.h>
