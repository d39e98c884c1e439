// CSQLite: what Swift needs to see of the system's libsqlite3. Only what Swift cannot call by itself (variadics, macros) is wrapped here.
#pragma once
#include <sqlite3.h>
