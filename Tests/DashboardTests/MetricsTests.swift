// The metrics' text, and that no label's value comes from outside but partition numbers.

import Base
import Health
import State
import Testing

@testable import Dashboard

@Suite("Metrics")
struct MetricsTests {
    private static func report(partitions: Int = 2) -> StatusReport {
        var facts = StatusFacts(now: 1_700_000_000_500, path: "state \"x\".db")
        facts.exists = true
        facts.topic = "a \"topic\"\n"
        facts.generation = 42
        facts.watermark = EventTime(milliseconds: 1_700_000_000_123)
        facts.partitions = PartitionID.all(count: partitions).map { number in
            var progress = PartitionProgress(partition: number, nextOffset: 10)
            (progress.highWatermarkOffset, progress.counted, progress.late) = (15, 7, 3)
            return progress
        }
        facts.watermarkHeldBy = 1
        facts.incidents = [OpenIncident(at: 0, kind: "kind\"}", detail: "detail\n")]
        var health = ServiceHealth(
            pid: 1, host: "h\"", version: "1\"\n", now: 0, brokers: "b\"", topic: "t\"",
            settings: HealthSettings(
                flushIntervalMilliseconds: 200, exportIntervalMilliseconds: 1000, spoolBudgetBytes: 10))
        (health.beatAt, health.phase) = (facts.now, .running)
        health.partitions = facts.partitions.map { progress in
            var partition = ServiceHealth.Partition(partition: progress.partition, nextOffset: 10)
            (partition.endOffset, partition.endAt) = (15, facts.now)
            partition.future = .init(count: 2, firstAt: 0, at: 0, eventTime: EventTime(milliseconds: 400_500))
            return partition
        }
        facts.health = health
        return StatusReport(facts)
    }

    @Test("every family has its help and type just before its samples, and every line is a sample of one")
    func format() {
        var family = ""
        var names: Set<String> = []
        let lines = Metrics.text(Self.report()).split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.last == "")
        var help = ""
        for line in lines.dropLast() {
            let words = line.split(separator: " ", maxSplits: 3).map(String.init)
            if line.hasPrefix("# HELP ") {
                help = words[2]
                #expect(words.count == 4 && names.insert(help).inserted, "\(line)")
            } else if line.hasPrefix("# TYPE ") {
                family = words[2]
                #expect(family == help)
                #expect(["gauge", "counter"].contains(words[3]))
                #expect((words[3] == "counter") == family.hasSuffix("_total"), "\(line)")
            } else {
                let name = line.prefix { $0 != " " && $0 != "{" }
                #expect(name == family && name.wholeMatch(of: /(pageviews|process)_[a-z_]+/) != nil, "\(line)")
                #expect(Double(line.split(separator: " ").last ?? "") != nil, "\(line)")
            }
        }
        #expect(names.count > 20)
    }

    @Test("labels are partitions, outcomes, codes and the version only; text from outside is in none")
    func labels() {
        let text = Metrics.text(Self.report())
        for match in text.matches(of: #/[{](.*)[}] /#) {
            for label in match.1.split(separator: ",") {
                let isKnown =
                    label.wholeMatch(
                        of: /partition="\d+"|outcome="(counted|late|rejected)"|reason="[a-z-]+"|version="1"/) != nil
                #expect(isKnown, "\(label)")
            }
        }
        let more = Metrics.text(Self.report(partitions: 3)).split(separator: "\n").count
        #expect(more == text.split(separator: "\n").count + 10)
    }

    @Test("values are in base units: seconds with their fraction, whole numbers without one")
    func values() {
        let text = Metrics.text(Self.report())
        for line in [
            "pageviews_watermark_timestamp_seconds 1700000000.123", "pageviews_flushes_total 42",
            "pageviews_lag_records 10", "pageviews_partition_future_skew_seconds{partition=\"1\"} 400.5",
            "pageviews_events_total{partition=\"1\",outcome=\"late\"} 3",
            "pageviews_partition_holds_watermark{partition=\"1\"} 1",
            "pageviews_unhealthy_reason{reason=\"incident\"} 1",
            "pageviews_healthy 0",
        ] {
            #expect(text.contains(line + "\n"), "\(line) is missing in \(text)")
        }
        #expect(!text.contains("pageviews_last_flush_timestamp_seconds"), "a value that is not known is left out")
    }
}

@Suite("The live document")
struct LiveTests {
    @Test("sums become rates between neighbours, also over a clock that went back")
    func rates() {
        let samples = [(0, 0), (5000, 100), (5000, 200), (4000, 300), (9000, 400)].map {
            ServiceHealth.Sample(at: $0.0, lag: 1, consumed: $0.1, late: 0, rejected: 0)
        }
        #expect(LiveDocument.rates(samples).map(\.consumed) == [20, 20])
    }

    @Test("an event of the stream is one line")
    func oneLine() {
        var facts = StatusFacts(now: 0, path: "a\nb")
        facts.unreadable = "x\ny"
        #expect(!LiveDocument.json(StatusReport(facts), ViewSeries()).contains("\n"))
    }
}

@Suite("The page's text")
struct PageTests {
    @Test("nothing in the page is asked of another host, and no markup carries script or style of its own")
    func selfContained() {
        for text in [PageText.html, PageText.signIn, PageText.css, PageText.script] {
            let links = text.matches(of: /https?:\/\/[^"'\s)]+/).map { String($0.0) }
            #expect(links.allSatisfy { $0 == "http://www.w3.org/2000/svg" }, "\(links)")
        }
        for html in [PageText.html, PageText.signIn] {
            #expect(html.firstMatch(of: /<script>|<style|\sstyle=|\son[a-z]+=/) == nil)
        }
        #expect(!PageText.script.contains("innerHTML") && !PageText.script.contains("eval("))
    }
}
