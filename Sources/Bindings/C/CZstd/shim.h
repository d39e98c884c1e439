// CZstd: the system's libzstd for Swift.
#pragma once
#include <zstd.h>
