/*
 * Preloaded into a server, records every change and every sync below CRASH_ROOT, in order, at the end of the file
 * CRASH_JOURNAL, which read-journal.ts reads. A change is made and recorded under one lock, so the order of the
 * records is the order of the changes. A sync has two records: it covers what was recorded before its begin, and
 * holds from its end on. With CRASH_KILL_AT the process dies in the first sync that begins when the journal has so many
 * bytes: a kill is worst where something is written and not synced. What cannot be recorded is recorded as that, and disk.ts refuses it. Not seen are writes through shared
 * memory: SQLite's index of its log is one, which nobody reads after a crash.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { CREATE = 1, WRITE, TRUNCATE, SYNC_BEGIN, SYNC_END, MKDIR, UNLINK, RMDIR, RENAME, LINK, UNSUPPORTED };

struct record {
  uint32_t kind;
  uint32_t path_bytes;
  uint64_t object;
  uint64_t number;
  uint64_t data_bytes;
};

#define MAX_FDS 65536
static const char *root;
static dev_t device;
static size_t root_bytes;
static int journal = -1;
static uint64_t journal_bytes, kill_at = UINT64_MAX, syncs;
static uint64_t objects[MAX_FDS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("CRASH_JOURNAL"), *limit = getenv("CRASH_KILL_AT");
  if (!path || !getenv("CRASH_ROOT")) return;
  journal = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (journal < 0) abort();
  journal_bytes = lseek(journal, 0, SEEK_END);
  if (limit) kill_at = strtoull(limit, NULL, 10);
  root = getenv("CRASH_ROOT");
  root_bytes = strlen(root);
  struct stat found;
  if (stat(root, &found)) abort();
  device = found.st_dev;
}

static void append(const void *bytes, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t count = syscall(SYS_write, journal, (const char *)bytes + done, length - done);
    if (count < 0) abort();
    done += count;
  }
  journal_bytes += length;
}

/* The bytes of the data follow from whoever calls. */
static void begin_record(enum kind kind, uint64_t object, uint64_t number, const char *path, size_t data_bytes) {
  struct record record = {kind, path ? strlen(path) : 0, object, number, data_bytes};
  append(&record, sizeof record);
  if (path) append(path, record.path_bytes);
}

static void record(enum kind kind, uint64_t object, uint64_t number, const char *path, const char *data) {
  begin_record(kind, object, number, path, data ? strlen(data) : 0);
  if (data) append(data, strlen(data));
}

static int is_below(const char *path) {
  return root && path && strncmp(path, root, root_bytes) == 0 && (path[root_bytes] == '/' || path[root_bytes] == 0);
}

/* The inode of a file or directory below the root that is open there, or 0. */
static uint64_t object_at(int fd) {
  uint64_t object = fd >= 0 && fd < MAX_FDS ? __atomic_load_n(&objects[fd], __ATOMIC_ACQUIRE) : 0;
  struct stat found;
  if (!object || (fstat(fd, &found) == 0 && found.st_dev == device && found.st_ino == object)) return object;
  /* libuv closes by a system call of its own, and by now it is something else. */
  __atomic_store_n(&objects[fd], 0, __ATOMIC_RELEASE);
  return 0;
}

static void refuse(const char *call) {
  pthread_mutex_lock(&lock);
  record(UNSUPPORTED, 0, 0, call, NULL);
  pthread_mutex_unlock(&lock);
}

static uint64_t inode_of(int fd) {
  struct stat found;
  if (fstat(fd, &found)) abort();
  return found.st_ino;
}

static int open_below(int (*call)(const char *, int, ...), const char *path, int flags, mode_t mode) {
  if (!is_below(path)) return call(path, flags, mode);
  if (flags & (O_SYNC | O_DSYNC) || (flags & O_TMPFILE) == O_TMPFILE) refuse("open with O_SYNC or O_TMPFILE");
  pthread_mutex_lock(&lock);
  int was_there = syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
  int fd = call(path, flags, mode), error = errno;
  if (fd >= MAX_FDS) abort();
  if (fd >= 0) {
    uint64_t object = inode_of(fd);
    if (!was_there) record(CREATE, object, 0, path, NULL);
    else if (flags & O_TRUNC) record(TRUNCATE, object, 0, NULL, NULL);
    __atomic_store_n(&objects[fd], object, __ATOMIC_RELEASE);
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return fd;
}

#define MODE(flags) \
  mode_t mode = 0; \
  if ((flags) & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, int); va_end(rest); }

int open(const char *path, int flags, ...) { MODE(flags) return open_below(REAL(open), path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return open_below(REAL(open64), path, flags, mode); }
int creat(const char *path, mode_t mode) { return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int openat(int at, const char *path, int flags, ...) {
  MODE(flags)
  if (at == AT_FDCWD || path[0] == '/') return open(path, flags, mode);
  if (object_at(at)) refuse("openat");
  return REAL(openat)(at, path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...) { MODE(flags) return openat(at, path, flags, mode); }

/* Makes the write with everything else waiting, and records the bytes that it took. */
static ssize_t write_below(int fd, const struct iovec *pieces, int count, off_t at) {
  pthread_mutex_lock(&lock);
  int is_positioned = at >= 0;
  if (!is_positioned) at = lseek(fd, 0, fcntl(fd, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
  ssize_t written = is_positioned ? syscall(SYS_pwritev, fd, pieces, count, at, 0) : syscall(SYS_writev, fd, pieces, count);
  int error = errno;
  if (written > 0) {
    begin_record(WRITE, object_at(fd), at, NULL, written);
    for (size_t left = written, next = 0; left > 0; next++) {
      size_t length = pieces[next].iov_len < left ? pieces[next].iov_len : left;
      append(pieces[next].iov_base, length);
      left -= length;
    }
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return written;
}

ssize_t write(int fd, const void *bytes, size_t length) {
  if (!object_at(fd)) return REAL(write)(fd, bytes, length);
  return write_below(fd, &(struct iovec){(void *)bytes, length}, 1, -1);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at) {
  if (!object_at(fd)) return REAL(pwrite64)(fd, bytes, length, at);
  return write_below(fd, &(struct iovec){(void *)bytes, length}, 1, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return pwrite64(fd, bytes, length, at); }

ssize_t writev(int fd, const struct iovec *pieces, int count) {
  return object_at(fd) ? write_below(fd, pieces, count, -1) : REAL(writev)(fd, pieces, count);
}

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t at) {
  return object_at(fd) ? write_below(fd, pieces, count, at) : REAL(pwritev)(fd, pieces, count, at);
}

ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off_t at) { return pwritev(fd, pieces, count, at); }

int ftruncate64(int fd, off_t length) {
  if (!object_at(fd)) return REAL(ftruncate64)(fd, length);
  pthread_mutex_lock(&lock);
  int result = REAL(ftruncate64)(fd, length), error = errno;
  if (result == 0) record(TRUNCATE, object_at(fd), length, NULL, NULL);
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

static int sync_below(int fd, int (*call)(int)) {
  uint64_t object = object_at(fd);
  if (!object) return call(fd);
  pthread_mutex_lock(&lock);
  uint64_t number = ++syncs;
  record(SYNC_BEGIN, object, number, NULL, NULL);
  if (journal_bytes >= kill_at) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }
  pthread_mutex_unlock(&lock);
  int result = call(fd), error = errno;
  pthread_mutex_lock(&lock);
  if (result == 0) record(SYNC_END, object, number, NULL, NULL);
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

int fsync(int fd) { return sync_below(fd, REAL(fsync)); }
int fdatasync(int fd) { return sync_below(fd, REAL(fdatasync)); }

int mkdir(const char *path, mode_t mode) {
  if (!is_below(path)) return REAL(mkdir)(path, mode);
  pthread_mutex_lock(&lock);
  int result = REAL(mkdir)(path, mode), error = errno;
  if (result == 0) {
    struct stat found;
    if (stat(path, &found)) abort();
    record(MKDIR, found.st_ino, 0, path, NULL);
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

static int remove_below(int (*call)(const char *), enum kind kind, const char *path) {
  if (!is_below(path)) return call(path);
  pthread_mutex_lock(&lock);
  int result = call(path), error = errno;
  if (result == 0) record(kind, 0, 0, path, NULL);
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

int unlink(const char *path) { return remove_below(REAL(unlink), UNLINK, path); }
int rmdir(const char *path) { return remove_below(REAL(rmdir), RMDIR, path); }

int unlinkat(int at, const char *path, int flags) {
  if (object_at(at) && path[0] != '/') refuse("unlinkat");
  else if (is_below(path)) return flags & AT_REMOVEDIR ? rmdir(path) : unlink(path);
  return REAL(unlinkat)(at, path, flags);
}

static int name_below(int (*call)(const char *, const char *), enum kind kind, const char *from, const char *to) {
  if (!is_below(from) && !is_below(to)) return call(from, to);
  pthread_mutex_lock(&lock);
  int result = call(from, to), error = errno;
  if (result == 0) record(kind, 0, 0, from, to);
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

int rename(const char *from, const char *to) { return name_below(REAL(rename), RENAME, from, to); }
int link(const char *from, const char *to) { return name_below(REAL(link), LINK, from, to); }

int linkat(int from_at, const char *from, int to_at, const char *to, int flags) {
  if (from_at == AT_FDCWD && to_at == AT_FDCWD && flags == 0) return link(from, to);
  if (is_below(to) || object_at(to_at)) refuse("linkat");
  return REAL(linkat)(from_at, from, to_at, to, flags);
}

int symlink(const char *target, const char *path) {
  if (is_below(path)) refuse("symlink");
  return REAL(symlink)(target, path);
}

int truncate64(const char *path, off_t length) {
  if (is_below(path)) refuse("truncate");
  return REAL(truncate64)(path, length);
}

int truncate(const char *path, off_t length) { return truncate64(path, length); }

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t length, unsigned flags) {
  if (object_at(to)) refuse("copy_file_range");
  return REAL(copy_file_range)(from, from_at, to, to_at, length, flags);
}
