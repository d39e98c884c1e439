// Counts page views with minimal work: the baseline for `pageviews ingest --exit-at-end`.
//
// usage: baseline fetch|count|store BOOTSTRAP TOPIC [STATE]
//   fetch   reads every record with librdkafka's batch API
//   count   finds the two fields in each record and counts per (postcode, minute) in a hash table
//   store   also writes the deltas to SQLite in WAL mode, one transaction every 200 ms, key (timestamp, postcode)
// It does not validate its input, and has no watermark and no lateness. Prints the number of records and windows.

#define _GNU_SOURCE  // memmem
#include <librdkafka/rdkafka.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 10000, POSTCODE_BYTES = 16, FLUSH_MS = 200 };

typedef struct {
    char postcode[POSTCODE_BYTES];
    uint32_t length;
    int64_t minute;
    int64_t count;
} Entry;

typedef struct {
    Entry *entries;
    size_t capacity, used;
} Table;

static void die(const char *what, const char *why) {
    fprintf(stderr, "baseline: %s: %s\n", what, why);
    exit(1);
}

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (memory == NULL) die("memory", "exhausted");
    return memory;
}

static Table table_make(size_t capacity) {
    return (Table){allocate(capacity, sizeof(Entry)), capacity, 0};
}

static uint64_t hash(const char *text, size_t length, int64_t minute) {
    uint64_t value = 14695981039346656037u ^ (uint64_t)minute;
    for (size_t i = 0; i < length; i++) value = (value ^ (unsigned char)text[i]) * 1099511628211u;
    return value ^ (value >> 29);
}

static void table_grow(Table *table);

static void table_add(Table *table, const char *postcode, size_t length, int64_t minute, int64_t count) {
    if (length > POSTCODE_BYTES) die("postcode", "longer than this program expects");
    if (table->used * 2 >= table->capacity) table_grow(table);
    size_t at = hash(postcode, length, minute) & (table->capacity - 1);
    for (;; at = (at + 1) & (table->capacity - 1)) {
        Entry *entry = &table->entries[at];
        if (entry->count == 0) {
            memcpy(entry->postcode, postcode, length);
            entry->length = (uint32_t)length;
            entry->minute = minute;
            table->used++;
        } else if (entry->minute != minute || entry->length != length || memcmp(entry->postcode, postcode, length) != 0) {
            continue;
        }
        entry->count += count;
        return;
    }
}

static void table_grow(Table *table) {
    Table larger = table_make(table->capacity * 2);
    for (size_t i = 0; i < table->capacity; i++) {
        Entry *entry = &table->entries[i];
        if (entry->count) table_add(&larger, entry->postcode, entry->length, entry->minute, entry->count);
    }
    free(table->entries);
    *table = larger;
}

static void table_clear(Table *table) {
    memset(table->entries, 0, table->capacity * sizeof(Entry));
    table->used = 0;
}

// The first byte of the value that follows `name` (with its quotes), or NULL.
static const char *value_of(const char *bytes, size_t length, const char *name, size_t name_length) {
    const char *at = memmem(bytes, length, name, name_length), *end = bytes + length;
    if (at == NULL) return NULL;
    for (at += name_length; at < end && (*at == ':' || *at == ' '); at++) {}
    return at < end ? at : NULL;
}

// Finds "postcode" and "timestamp" in one record, in any order, and counts it.
static void count_record(Table *table, const char *bytes, size_t length) {
    static const char POSTCODE[] = "\"postcode\"", TIMESTAMP[] = "\"timestamp\"";
    const char *end = bytes + length;
    const char *postcode = value_of(bytes, length, POSTCODE, sizeof POSTCODE - 1);
    const char *stamp = value_of(bytes, length, TIMESTAMP, sizeof TIMESTAMP - 1);
    if (postcode == NULL || stamp == NULL || *postcode != '"') return;
    postcode++;
    const char *close = memchr(postcode, '"', (size_t)(end - postcode));
    if (close == NULL) return;
    int64_t number = 0;
    for (const char *digit = stamp; digit < end && *digit >= '0' && *digit <= '9'; digit++)
        number = number * 10 + (*digit - '0');
    int64_t seconds = number < 100000000000 ? number : number < 100000000000000 ? number / 1000 : number / 1000000;
    table_add(table, postcode, (size_t)(close - postcode), seconds - seconds % 60, 1);
}

static void run_sql(sqlite3 *database, const char *sql) {
    if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK) die(sql, sqlite3_errmsg(database));
}

static sqlite3 *store_open(const char *path, sqlite3_stmt **upsert) {
    sqlite3 *database;
    if (sqlite3_open(path, &database) != SQLITE_OK) die(path, sqlite3_errmsg(database));
    run_sql(database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    run_sql(database, "CREATE TABLE counts (timestamp INTEGER, postcode TEXT, count INTEGER NOT NULL, "
                      "PRIMARY KEY (timestamp, postcode)) WITHOUT ROWID");
    const char *sql = "INSERT INTO counts VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET count = count + ?3";
    if (sqlite3_prepare_v2(database, sql, -1, upsert, NULL) != SQLITE_OK) die(sql, sqlite3_errmsg(database));
    return database;
}

static void store_flush(sqlite3 *database, sqlite3_stmt *upsert, Table *table) {
    run_sql(database, "BEGIN IMMEDIATE");
    for (size_t i = 0; i < table->capacity; i++) {
        Entry *entry = &table->entries[i];
        if (entry->count == 0) continue;
        sqlite3_bind_int64(upsert, 1, entry->minute);
        sqlite3_bind_text(upsert, 2, entry->postcode, (int)entry->length, SQLITE_STATIC);
        sqlite3_bind_int64(upsert, 3, entry->count);
        if (sqlite3_step(upsert) != SQLITE_DONE) die("upsert", sqlite3_errmsg(database));
        sqlite3_reset(upsert);
    }
    run_sql(database, "COMMIT");
    table_clear(table);
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char error[256];
    if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) die(name, error);
}

static rd_kafka_t *consumer_open(const char *bootstrap) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char error[256];
    set(conf, "bootstrap.servers", bootstrap);
    set(conf, "group.id", "baseline");
    set(conf, "enable.auto.commit", "false");
    set(conf, "enable.partition.eof", "true");
    set(conf, "check.crcs", "false");
    // Before 2.4, librdkafka stops fetching for a second when a queue is full; newer versions have a setting for it.
    set(conf, "queued.min.messages", "1000000");
    set(conf, "queued.max.messages.kbytes", "65536");
    rd_kafka_conf_set(conf, "fetch.queue.backoff.ms", "10", error, sizeof error);
    rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
    if (kafka == NULL) die("consumer", error);
    rd_kafka_poll_set_consumer(kafka);
    return kafka;
}

// Assigns every partition from its beginning. Returns the number of partitions.
static int assign_all(rd_kafka_t *kafka, const char *topic) {
    const rd_kafka_metadata_t *metadata;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(kafka, topic, NULL);
    if (rd_kafka_metadata(kafka, 0, handle, &metadata, 10000) != 0) die(topic, "no metadata");
    int count = metadata->topics[0].partition_cnt;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int i = 0; i < count; i++) rd_kafka_topic_partition_list_add(list, topic, i)->offset = 0;
    if (rd_kafka_assign(kafka, list) != 0) die(topic, "assignment failed");
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    return count;
}

int main(int count, char **arguments) {
    if (count < 4) die("usage", "baseline fetch|count|store BOOTSTRAP TOPIC [STATE]");
    int counts = strcmp(arguments[1], "fetch") != 0, stores = strcmp(arguments[1], "store") == 0;
    if (stores && count < 5) die("usage", "store needs a STATE");
    rd_kafka_t *kafka = consumer_open(arguments[2]);
    int open_partitions = assign_all(kafka, arguments[3]);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(kafka);
    rd_kafka_message_t **batch = allocate(BATCH, sizeof *batch);
    Table table = table_make(1 << 16);
    sqlite3_stmt *upsert = NULL;
    sqlite3 *database = stores ? store_open(arguments[4], &upsert) : NULL;
    int64_t records = 0, flushed = now_ms();
    while (open_partitions > 0) {
        ssize_t got = rd_kafka_consume_batch_queue(queue, 100, batch, BATCH);
        for (ssize_t i = 0; i < got; i++) {
            if (batch[i]->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) open_partitions--;
            else if (batch[i]->err) die("record", rd_kafka_message_errstr(batch[i]));
            else {
                records++;
                if (counts) count_record(&table, batch[i]->payload, batch[i]->len);
            }
            rd_kafka_message_destroy(batch[i]);
        }
        if (stores && now_ms() - flushed >= FLUSH_MS) {
            store_flush(database, upsert, &table);
            flushed = now_ms();
        }
    }
    printf("%lld records, %zu windows in memory\n", (long long)records, table.used);
    if (stores) {
        store_flush(database, upsert, &table);
        sqlite3_finalize(upsert);
        sqlite3_close(database);
    }
    free(table.entries);
    free(batch);
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(kafka);
    rd_kafka_destroy(kafka);
    return 0;
}
