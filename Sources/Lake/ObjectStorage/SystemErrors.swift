// Maps system error numbers to error kinds and texts.

import Glibc

enum SystemErrors {
    static func kind(_ number: Int32) -> ObjectStorageError.Kind {
        switch number {
        case ENOENT: .notFound
        case EEXIST: .preconditionFailed
        case EACCES, EPERM, EROFS: .denied
        case ENOSPC, EDQUOT, EFBIG: .diskFull
        case ENAMETOOLONG, ENOTDIR, EISDIR, ELOOP, EINVAL, EXDEV: .invalid
        default: .unavailable
        }
    }

    static func text(_ number: Int32) -> String { String(cString: strerror(number)) }
}
