// The source of a request's body: memory, or a region of a file that is read while it is sent.

import Glibc

struct BodySource {
    struct Problem: Error {
        var kind: HTTPError.Kind
        var detail: String
    }

    private let body: HTTPBody
    private var position: Int64 = 0
    private var descriptor: Int32 = -1

    init(_ body: HTTPBody) { self.body = body }

    /// Opens the file, if there is one.
    /// - Returns: the problem when it cannot be opened.
    mutating func open() -> (kind: HTTPError.Kind, detail: String)? {
        guard case .file(let region) = body else { return nil }
        descriptor = Glibc.open(region.path, O_RDONLY | O_CLOEXEC)
        return descriptor >= 0 ? nil : Self.problem(region.path)
    }

    mutating func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Copies the next bytes of the body to `space`.
    /// - Returns: the number of bytes copied; 0 at the end of the body.
    mutating func read(into space: UnsafeMutableRawBufferPointer) -> Result<Int, Problem> {
        let wanted = Int(min(Int64(space.count), body.length - position))
        guard wanted > 0 else { return .success(0) }
        switch body {
        case .none: return .success(0)
        case .bytes(let bytes):
            let start = Int(position)
            bytes.withUnsafeBytes {
                space.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + wanted]))
            }
            position += Int64(wanted)
            return .success(wanted)
        case .file(let region): return read(region, wanted, into: space)
        }
    }

    private mutating func read(
        _ region: FileRegion, _ wanted: Int, into space: UnsafeMutableRawBufferPointer
    ) -> Result<Int, Problem> {
        let count = pread(descriptor, space.baseAddress, wanted, off_t(region.offset + position))
        if count < 0, errno == EINTR { return read(region, wanted, into: space) }
        if count < 0 {
            let problem = Self.problem(region.path)
            return .failure(Problem(kind: problem.kind, detail: problem.detail))
        }
        if count == 0 {
            return .failure(Problem(kind: .localFile(errno: EIO), detail: "\(region.path) became shorter"))
        }
        position += Int64(count)
        return .success(count)
    }

    private static func problem(_ path: String) -> (kind: HTTPError.Kind, detail: String) {
        let number = errno
        return (.localFile(errno: number), "\(path): \(String(cString: strerror(number)))")
    }
}
