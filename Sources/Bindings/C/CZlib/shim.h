// CZlib: what Swift needs to see of the system's libz. Only what Swift cannot call by itself (variadics, macros) is wrapped here.
#pragma once
#include <zlib.h>
