// Which processes read the state.

import Testing

@testable import Commands

@Suite("Readers of the state")
struct ReaderTests {
    @Test("locks on read marks of the wal-index are readers; others', and our own, are not")
    func locks() {
        let locks = """
            1: POSIX  ADVISORY  READ 100 fd:01:77 123 123
            2: POSIX  ADVISORY  READ 101 fd:01:77 128 128
            3: POSIX  ADVISORY  WRITE 102 fd:01:77 120 120
            4: POSIX  ADVISORY  READ 103 fd:01:78 124 124
            5: FLOCK  ADVISORY  READ 104 fd:01:77 124 124
            6: POSIX  ADVISORY  READ 105 fd:01:77 127 127
            6: -> POSIX  ADVISORY  READ 106 fd:01:77 127 127
            7: POSIX  ADVISORY  READ 107 fd:01:77 124 EOF
            """
        #expect(ProcessReadings.readers(inLocks: locks, inode: 77, own: 107) == [100, 105])
    }
}
