// Tests of the choice of the cause among several errors.

import Testing

@testable import Ingest

@Suite("The cause of a failure")
struct FailureCauseTests {
    @Test("what says most stays until it is old or Kafka answered, and of equals the latest")
    func causes() {
        var cause = FailureCause()
        let steps: [(FailureCause.Weight, String, Int64, String)] = [
            (.silence, "no broker answered", 0, "no broker answered"),
            (.connection, "b:1: refused", 1, "b:1: refused"),
            (.silence, "no broker answered", 2, "b:1: refused"),
            (.refusal, "wrong password", 3, "wrong password"),
            (.connection, "b:1: disconnected", 4, "wrong password"),
            (.silence, "no broker answered", 75_002, "wrong password"),
            (.refusal, "unknown user", 75_002, "unknown user"),
            (.connection, "b:1: refused", 150_001, "unknown user"),
            (.connection, "b:1: refused", 150_002, "b:1: refused"),
        ]
        for (weight, text, now, expected) in steps {
            #expect(cause.note(weight, text, now: now) == expected, "\(text) at \(now)")
        }
        cause.forget()
        #expect(cause.words(now: 150_003) == "no broker answered")
    }
}
