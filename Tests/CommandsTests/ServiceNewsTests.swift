// What a service manager is told.

import Health
import Testing

@testable import Commands

@Suite("News for a service manager")
struct ServiceNewsTests {
    private func health(
        _ phase: ServiceHealth.Phase, startedAgo: Int64 = 1000, loopAgo: Int64 = 0
    ) -> ServiceHealth {
        let now: Int64 = 1_000_000
        var health = ServiceHealth(
            pid: 1, host: "h", version: "v", now: now - startedAgo, brokers: "b:9092", topic: "t",
            settings: HealthSettings(flushIntervalMilliseconds: 200))
        (health.beatAt, health.loopAt, health.phase) = (now, now - loopAgo, phase)
        return health
    }

    @Test("it is ready when it counts, and says so once")
    func ready() {
        var news = ServiceNews()
        #expect(news.words(health(.starting)) == "STATUS=waiting for Kafka at b:9092, topic t\nWATCHDOG=1")
        #expect(news.words(health(.running)) == "READY=1\nSTATUS=counting t\nWATCHDOG=1")
        #expect(news.words(health(.running)) == "WATCHDOG=1")
        #expect(news.words(health(.stopping)).hasPrefix("STOPPING=1\nSTATUS="))
        #expect(news.words(health(.stopping)) == "WATCHDOG=1")
    }

    @Test("brokers that are away hold it back for 30 seconds, and its status names them")
    func away() {
        var news = ServiceNews()
        var waiting = health(.starting, startedAgo: 29_999)
        (waiting.kafka.failingSince, waiting.kafka.reason) = (1, "no broker\nREADY=1")
        #expect(
            news.words(waiting)
                == "STATUS=waiting for Kafka at b:9092, topic t: no broker READY=1\nWATCHDOG=1")
        waiting.startedAt -= 1
        #expect(news.words(waiting) == "READY=1\nWATCHDOG=1")
    }

    @Test("a failed start is never ready")
    func failed() {
        var news = ServiceNews()
        var failed = health(.failed, startedAgo: 60_000)
        failed.failure = "state.db belongs to another cluster"
        #expect(news.words(failed) == "STATUS=state.db belongs to another cluster\nWATCHDOG=1")
    }

    @Test("a loop that stands still for longer than 20 s is not hidden from the watchdog")
    func hanging() {
        var news = ServiceNews()
        #expect(news.words(health(.running, loopAgo: 20_000)).contains("WATCHDOG=1"))
        #expect(news.words(health(.running, loopAgo: 20_001)) == "")
        #expect(news.words(health(.starting, loopAgo: 20_001)).contains("WATCHDOG=1"))
    }
}
