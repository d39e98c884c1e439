/* Faults of storage, injected into one process by LD_PRELOAD; tests only.
 *
 * FAULTS_PLAN names a file of rules, which is read again whenever it was replaced. A rule is a line:
 *
 *   OP PATH WHEN WHAT TIMES
 *
 *   OP     write read sync truncate open rename link unlink mkdir
 *   PATH   a part of the file's absolute path
 *   WHEN   a number: from the n-th matching call on; or p0.25: at random, with the seed of FAULTS_SEED
 *   WHAT   EIO ENOSPC EDQUOT EROFS EMFILE EACCES: the call fails and has no effect
 *          short: half of the bytes are written, and so it says; torn: half of them are written, then EIO
 *          cut: the power fails before the call (below)
 *   TIMES  how many calls; 0 for all
 *
 * Every fault is recorded in FAULTS_PLAN.log, a line each.
 *
 * FAULTS_DISK is a part of the paths of files that lie on a disk with a volatile cache: what was written since the last
 * good sync is not on it. When the power fails, each unsynced page of 4 KiB, and each file's unsynced length, is either as
 * it was at the last sync or as it is now, at random, and the process is killed. A sync that failed loses its pages: a
 * later good one does not bring them. Names are durable at once. Files that are mapped (-shm) are not looked at.
 *
 * Invariants: all calls that are looked at are made one at a time, under one lock; descriptors that the shim opens for
 * itself are never closed, since closing one would drop the process's POSIX locks on that file.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PAGE = 4096, RULES = 32, FILES = 1024, PATH = 4096 };
enum { SHORT = -1, TORN = -2, CUT = -3 };

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (!found) abort();
  return found;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local int is_inside;

/* MARK: The plan */

struct rule {
  char op[16], path[256];
  double chance;
  long from, seen, left;
  int what;
};

static struct rule rules[RULES];
static int rule_count;
static struct stat plan_seen;
static uint64_t state_of_chance;

static double chance(void) {
  uint64_t z = (state_of_chance += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static int meaning(const char *word) {
  static const struct { const char *word; int what; } words[] = {
      {"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EROFS", EROFS}, {"EMFILE", EMFILE}, {"EACCES", EACCES},
      {"short", SHORT}, {"torn", TORN}, {"cut", CUT}};
  for (size_t index = 0; index < sizeof words / sizeof *words; index++)
    if (!strcmp(words[index].word, word)) return words[index].what;
  fprintf(stderr, "faults: no such fault: %s\n", word);
  abort();
}

static void read_plan(void) {
  const char *path = getenv("FAULTS_PLAN");
  struct stat now;
  if (!path || stat(path, &now) != 0) {
    rule_count = 0;
    return;
  }
  if (now.st_ino == plan_seen.st_ino && now.st_mtim.tv_nsec == plan_seen.st_mtim.tv_nsec &&
      now.st_mtim.tv_sec == plan_seen.st_mtim.tv_sec)
    return;
  if (!state_of_chance) state_of_chance = strtoull(getenv("FAULTS_SEED") ? getenv("FAULTS_SEED") : "1", NULL, 10) + 1;
  plan_seen = now;
  rule_count = 0;
  FILE *file = fopen(path, "re");
  if (!file) return;
  char when[32], what[16];
  struct rule *next = rules;
  while (rule_count < RULES &&
         fscanf(file, "%15s %255s %31s %15s %ld", next->op, next->path, when, what, &next->left) == 5) {
    next->seen = 0;
    next->chance = *when == 'p' ? atof(when + 1) : 0;
    next->from = *when == 'p' ? 0 : atol(when);
    next->what = meaning(what);
    if (next->left == 0) next->left = -1;
    next++, rule_count++;
  }
  fclose(file);
}

static void record(const char *op, const char *path, int what) {
  char name[PATH], line[PATH + 64];
  snprintf(name, sizeof name, "%s.log", getenv("FAULTS_PLAN"));
  const char *words = what == SHORT ? "short" : what == TORN ? "torn" : what == CUT ? "cut" : strerrorname_np(what);
  int length = snprintf(line, sizeof line, "%s %s %s\n", op, path, words);
  int file = REAL(open)(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) return;
  (void)!REAL(write)(file, line, (size_t)length);
  REAL(close)(file);
}

/* The fault of this call; 0 for none. */
static int fate(const char *op, const char *path) {
  read_plan();
  for (struct rule *rule = rules; rule < rules + rule_count; rule++) {
    if (strcmp(rule->op, op) || !strstr(path, rule->path) || rule->left == 0) continue;
    if (rule->from ? ++rule->seen < rule->from : chance() >= rule->chance) continue;
    if (rule->left > 0) rule->left--;
    record(op, path, rule->what);
    return rule->what;
  }
  return 0;
}

/* MARK: The disk's cache */

struct page {
  off_t number;
  int is_lost;
  unsigned char old[PAGE];
  struct page *next;
};

struct file {
  dev_t device;
  ino_t inode;
  int own;
  off_t size; /* at the last good sync */
  struct page *pages;
};

static struct file files[FILES];
static int file_count;

static int path_of(int descriptor, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, PATH - 1);
  if (length < 0) length = 0;
  path[length] = 0;
  return path[0] == '/';
}

static struct file *cached(int descriptor, const char *path) {
  const char *disk = getenv("FAULTS_DISK");
  struct stat facts;
  size_t length = strlen(path);
  if (!disk || !strstr(path, disk) || (length > 4 && !strcmp(path + length - 4, "-shm"))) return NULL;
  if (fstat(descriptor, &facts) != 0 || !S_ISREG(facts.st_mode)) return NULL;
  for (struct file *file = files; file < files + file_count; file++)
    if (file->device == facts.st_dev && file->inode == facts.st_ino) return file;
  if (file_count == FILES) {
    static const char text[] = "faults.c: more files are written than FILES\n";
    (void)!REAL(write)(2, text, sizeof text - 1);
    abort();
  }
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  struct file *file = &files[file_count++];
  *file = (struct file){facts.st_dev, facts.st_ino, REAL(open)(link, O_RDWR | O_CLOEXEC), facts.st_size, NULL};
  if (file->own < 0) abort();
  return file;
}

/* Before bytes change: keeps what the disk has. */
static void keep(struct file *file, off_t from, off_t to) {
  for (off_t number = from / PAGE; number * PAGE < to; number++) {
    struct page *page = file->pages;
    while (page && page->number != number) page = page->next;
    if (page) {
      page->is_lost = 0;
      continue;
    }
    page = calloc(1, sizeof *page);
    if (!page) abort();
    page->number = number;
    (void)!REAL(pread)(file->own, page->old, PAGE, number * PAGE);
    page->next = file->pages;
    file->pages = page;
  }
}

static void synced(struct file *file, int is_good) {
  struct stat facts;
  if (is_good && fstat(file->own, &facts) == 0) file->size = facts.st_size;
  for (struct page **place = &file->pages; *place;) {
    struct page *page = *place;
    if (!is_good) page->is_lost = 1;
    if (page->is_lost) {
      place = &page->next;
      continue;
    }
    *place = page->next;
    free(page);
  }
}

static _Noreturn void cut_power(void) {
  /* From a disk that had written nearly everything to one that had written nothing. */
  static const double shares[] = {0.02, 0.2, 0.5, 1};
  double share = shares[(int)(chance() * 4)];
  for (struct file *file = files; file < files + file_count; file++) {
    struct stat facts;
    if (fstat(file->own, &facts) != 0) continue;
    for (struct page *page = file->pages; page; page = page->next)
      if (page->is_lost || chance() < share) (void)!REAL(pwrite)(file->own, page->old, PAGE, page->number * PAGE);
    (void)!REAL(ftruncate)(file->own, chance() < share ? file->size : facts.st_size);
  }
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* MARK: The calls */

/* Runs `call` under the lock unless it has a fault. Calls of the shim itself are passed on. */
#define ENTER() (is_inside ? 0 : (pthread_mutex_lock(&lock), is_inside = 1))
#define LEAVE() (is_inside = 0, pthread_mutex_unlock(&lock))

static ssize_t put(int descriptor, const void *bytes, size_t count, off_t offset, int is_placed) {
  char path[PATH];
  ssize_t result;
  if (!ENTER()) return is_placed ? REAL(pwrite)(descriptor, bytes, count, offset) : REAL(write)(descriptor, bytes, count);
  int what = 0;
  if (path_of(descriptor, path)) {
    what = fate("write", path);
    if (what == CUT) cut_power();
    if (what > 0) {
      LEAVE();
      errno = what;
      return -1;
    }
    if (what && count > 1) count /= 2;
    struct file *file = cached(descriptor, path);
    off_t at = is_placed ? offset : lseek(descriptor, 0, fcntl(descriptor, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
    if (file) keep(file, at, at + (off_t)count);
  }
  result = is_placed ? REAL(pwrite)(descriptor, bytes, count, offset) : REAL(write)(descriptor, bytes, count);
  int number = what == TORN ? EIO : errno;
  LEAVE();
  errno = number;
  return what == TORN ? -1 : result;
}

/* Sockets, pipes and terminals are not storage, and may block. */
static int is_storage(int descriptor) {
  struct stat facts;
  return fstat(descriptor, &facts) == 0 && (S_ISREG(facts.st_mode) || S_ISDIR(facts.st_mode));
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
  if (!is_storage(descriptor)) return REAL(write)(descriptor, bytes, count);
  return put(descriptor, bytes, count, 0, 0);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
  return put(descriptor, bytes, count, offset, 1);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off_t offset) {
  return put(descriptor, bytes, count, offset, 1);
}

/* The fault of a call on an open file; with errno set where it is not 0. */
static int befalls(const char *op, int descriptor, char *path) {
  if (!path_of(descriptor, path)) return 0;
  int what = fate(op, path);
  if (what == CUT) cut_power();
  errno = what > 0 ? what : EIO;
  return what;
}

#define OF_FILE(op, descriptor, type, call, after)      \
  char path[PATH];                                      \
  if (!is_storage(descriptor) || !ENTER()) return call; \
  type result = -1;                                     \
  if (!befalls(op, descriptor, path)) result = call;    \
  int number = errno;                                   \
  after;                                                \
  LEAVE();                                              \
  errno = number;                                       \
  return result

ssize_t read(int descriptor, void *bytes, size_t count) {
  OF_FILE("read", descriptor, ssize_t, REAL(read)(descriptor, bytes, count), );
}

ssize_t pread(int descriptor, void *bytes, size_t count, off_t offset) {
  OF_FILE("read", descriptor, ssize_t, REAL(pread)(descriptor, bytes, count, offset), );
}

ssize_t pread64(int descriptor, void *bytes, size_t count, off_t offset) {
  OF_FILE("read", descriptor, ssize_t, REAL(pread)(descriptor, bytes, count, offset), );
}

static void after_sync(int descriptor, const char *path, int result) {
  struct file *file = cached(descriptor, path);
  if (file) synced(file, result == 0);
}

int fsync(int descriptor) {
  OF_FILE("sync", descriptor, int, REAL(fsync)(descriptor), after_sync(descriptor, path, result));
}

int fdatasync(int descriptor) {
  OF_FILE("sync", descriptor, int, REAL(fdatasync)(descriptor), after_sync(descriptor, path, result));
}

static int cut_file(int descriptor, off_t size) {
  char path[PATH];
  struct stat facts;
  struct file *file = path_of(descriptor, path) ? cached(descriptor, path) : NULL;
  if (file && fstat(descriptor, &facts) == 0 && facts.st_size > size) keep(file, size, facts.st_size);
  return REAL(ftruncate)(descriptor, size);
}

int ftruncate(int descriptor, off_t size) {
  OF_FILE("truncate", descriptor, int, cut_file(descriptor, size), );
}

int ftruncate64(int descriptor, off_t size) {
  OF_FILE("truncate", descriptor, int, cut_file(descriptor, size), );
}

/* MARK: Names */

static void whole(int folder, const char *name, char *path) {
  char base[PATH] = "";
  if (*name == '/') {
    snprintf(path, PATH, "%s", name);
    return;
  }
  if (folder == AT_FDCWD) {
    if (!getcwd(base, sizeof base)) *base = 0;
  } else {
    path_of(folder, base);
  }
  snprintf(path, PATH, "%.2000s/%.2000s", base, name);
}

#define OF_NAME(op, folder, name, call)            \
  char path[PATH];                                 \
  if (!ENTER()) return call;                       \
  whole(folder, name, path);                       \
  int result = -1, what = fate(op, path);          \
  if (what == CUT) cut_power();                    \
  errno = what > 0 ? what : EIO;                   \
  if (!what) result = call;                        \
  int number = errno;                              \
  LEAVE();                                         \
  errno = number;                                  \
  return result

#define MODE()                                     \
  mode_t mode = 0;                                 \
  if (flags & (O_CREAT | __O_TMPFILE)) {           \
    va_list rest;                                  \
    va_start(rest, flags);                         \
    mode = va_arg(rest, mode_t);                   \
    va_end(rest);                                  \
  }

int open(const char *name, int flags, ...) {
  MODE();
  OF_NAME("open", AT_FDCWD, name, REAL(open)(name, flags, mode));
}

int open64(const char *name, int flags, ...) {
  MODE();
  OF_NAME("open", AT_FDCWD, name, REAL(open)(name, flags, mode));
}

int openat(int folder, const char *name, int flags, ...) {
  MODE();
  OF_NAME("open", folder, name, REAL(openat)(folder, name, flags, mode));
}

int openat64(int folder, const char *name, int flags, ...) {
  MODE();
  OF_NAME("open", folder, name, REAL(openat)(folder, name, flags, mode));
}

int rename(const char *from, const char *to) {
  OF_NAME("rename", AT_FDCWD, to, REAL(rename)(from, to));
}

int renameat(int old, const char *from, int folder, const char *to) {
  OF_NAME("rename", folder, to, REAL(renameat)(old, from, folder, to));
}

int link(const char *from, const char *to) {
  OF_NAME("link", AT_FDCWD, to, REAL(link)(from, to));
}

int linkat(int old, const char *from, int folder, const char *to, int flags) {
  OF_NAME("link", folder, to, REAL(linkat)(old, from, folder, to, flags));
}

int unlink(const char *name) {
  OF_NAME("unlink", AT_FDCWD, name, REAL(unlink)(name));
}

int unlinkat(int folder, const char *name, int flags) {
  OF_NAME("unlink", folder, name, REAL(unlinkat)(folder, name, flags));
}

int mkdir(const char *name, mode_t mode) {
  OF_NAME("mkdir", AT_FDCWD, name, REAL(mkdir)(name, mode));
}

int mkdirat(int folder, const char *name, mode_t mode) {
  OF_NAME("mkdir", folder, name, REAL(mkdirat)(folder, name, mode));
}
