// CZlib: the system's libz for Swift.
#pragma once
#include <zlib.h>
