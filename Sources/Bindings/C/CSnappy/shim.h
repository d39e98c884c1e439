// CSnappy: what Swift needs to see of the system's libsnappy. Only what Swift cannot call by itself (variadics, macros) is wrapped here.
#pragma once
#include <snappy-c.h>
