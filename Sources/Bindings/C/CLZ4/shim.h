// CLZ4: what Swift needs to see of the system's liblz4.
#pragma once
#include <lz4.h>
