// Checks that the process can create threads. Under a limit (`ulimit -v`, `ulimit -u`, a cgroup's), Dispatch and
// Foundation report no error: submitted work never starts, and signals are not handled.

import Glibc

/// The process cannot create enough threads.
package struct NoThreads: Error, CustomStringConvertible {
    let wanted: Int
    let made: Int
    let code: Int32

    /// One line: what failed, and what to do.
    package var description: String {
        "only \(made) of \(wanted) threads could be made: \(String(cString: strerror(code))); "
            + "raise the limits of this process (ulimit -v, ulimit -u, or the unit's LimitAS, LimitNPROC and TasksMax)"
    }
}

/// The process's supply of threads.
package enum ThreadSupply {
    /// Creates `count` simultaneous threads, each with a stack of `stackBytes`, and ends them.
    /// - Throws: `NoThreads` when one cannot be created.
    package static func check(_ count: Int, stackBytes: Int) throws(NoThreads) {
        let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
        defer { attributes.deallocate() }
        pthread_attr_init(attributes)
        defer { pthread_attr_destroy(attributes) }
        pthread_attr_setstacksize(attributes, stackBytes)
        // The threads wait until all exist.
        let gate = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        defer { gate.deallocate() }
        pthread_mutex_init(gate, nil)
        defer { pthread_mutex_destroy(gate) }
        pthread_mutex_lock(gate)
        var threads: [pthread_t] = []
        var code: Int32 = 0
        while threads.count < count, code == 0 {
            var thread = pthread_t()
            code = pthread_create(&thread, attributes, wait, gate)
            if code == 0 { threads.append(thread) }
        }
        pthread_mutex_unlock(gate)
        for thread in threads { pthread_join(thread, nil) }
        guard code == 0 else { throw NoThreads(wanted: count, made: threads.count, code: code) }
    }
}

private func wait(_ gate: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    let mutex = gate?.assumingMemoryBound(to: pthread_mutex_t.self)
    if let mutex {
        pthread_mutex_lock(mutex)
        pthread_mutex_unlock(mutex)
    }
    return nil
}
