// Intercepts the process's writes to files, so that a simulated disk can refuse or lose them.
#ifndef SIMDISK_H
#define SIMDISK_H

enum simdisk_operation { SIMDISK_WRITE = 0, SIMDISK_SYNC = 1, SIMDISK_TRUNCATE = 2 };

// Called before an operation on a file. `offset` is the position (-1: the file's own) or the new size, `length` the bytes to
// write. Returns 0 to let it happen, an errno to refuse it; sets `*shorter` to let only that many bytes through.
typedef int (*simdisk_hook)(int operation, int descriptor, long long offset, long long length, long long *shorter);

// Sets the hook for all threads; NULL removes it. The hook's own writes are not intercepted.
void simdisk_set_hook(simdisk_hook hook);

#endif
