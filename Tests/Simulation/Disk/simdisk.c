// The definitions of an executable take precedence over the C library's: every caller in the process reaches these.
#define _GNU_SOURCE
#include "simdisk.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <unistd.h>

static _Atomic(simdisk_hook) current;
static _Thread_local int inside;

void simdisk_set_hook(simdisk_hook hook) { atomic_store(&current, hook); }

static int ask(int operation, int descriptor, long long offset, long long length, long long *shorter) {
  simdisk_hook hook = atomic_load_explicit(&current, memory_order_acquire);
  if (hook == NULL || inside) return 0;
  int before = errno;
  inside = 1;
  int refused = hook(operation, descriptor, offset, length, shorter);
  inside = 0;
  errno = before;
  return refused;
}

#define REAL(name, type) \
  static _Atomic(type) known; \
  type real = atomic_load_explicit(&known, memory_order_relaxed); \
  if (real == NULL) { \
    real = (type)dlsym(RTLD_NEXT, #name); \
    atomic_store_explicit(&known, real, memory_order_relaxed); \
  }

typedef ssize_t (*write_type)(int, const void *, size_t);
typedef ssize_t (*pwrite_type)(int, const void *, size_t, off_t);
typedef int (*sync_type)(int);
typedef int (*truncate_type)(int, off_t);

ssize_t write(int descriptor, const void *bytes, size_t length) {
  REAL(write, write_type)
  long long shorter = (long long)length;
  int refused = ask(SIMDISK_WRITE, descriptor, -1, (long long)length, &shorter);
  if (refused != 0) {
    errno = refused;
    return -1;
  }
  return real(descriptor, bytes, (size_t)shorter);
}

static ssize_t write_at(pwrite_type real, int descriptor, const void *bytes, size_t length, off_t offset) {
  long long shorter = (long long)length;
  int refused = ask(SIMDISK_WRITE, descriptor, offset, (long long)length, &shorter);
  if (refused != 0) {
    errno = refused;
    return -1;
  }
  return real(descriptor, bytes, (size_t)shorter, offset);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t offset) {
  REAL(pwrite, pwrite_type)
  return write_at(real, descriptor, bytes, length, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off_t offset) {
  REAL(pwrite64, pwrite_type)
  return write_at(real, descriptor, bytes, length, offset);
}

static int sync_with(sync_type real, int descriptor) {
  long long none = 0;
  int refused = ask(SIMDISK_SYNC, descriptor, 0, 0, &none);
  if (refused != 0) {
    errno = refused;
    return -1;
  }
  return real(descriptor);
}

int fsync(int descriptor) {
  REAL(fsync, sync_type)
  return sync_with(real, descriptor);
}

int fdatasync(int descriptor) {
  REAL(fdatasync, sync_type)
  return sync_with(real, descriptor);
}

static int truncate_with(truncate_type real, int descriptor, off_t size) {
  long long none = 0;
  int refused = ask(SIMDISK_TRUNCATE, descriptor, size, 0, &none);
  if (refused != 0) {
    errno = refused;
    return -1;
  }
  return real(descriptor, size);
}

int ftruncate(int descriptor, off_t size) {
  REAL(ftruncate, truncate_type)
  return truncate_with(real, descriptor, size);
}

int ftruncate64(int descriptor, off_t size) {
  REAL(ftruncate64, truncate_type)
  return truncate_with(real, descriptor, size);
}
