// CZstd: what Swift needs to see of the system's libzstd. Only what Swift cannot call by itself (variadics, macros) is wrapped here.
#pragma once
#include <zstd.h>
