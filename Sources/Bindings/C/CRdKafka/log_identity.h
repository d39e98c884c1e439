// The identity of a log: the topic's id (KIP-516) and the leader epoch of a record (KIP-320). They distinguish a new
// log from an old one of the same name. Compiled against a librdkafka that is too old, each function returns "not
// known".
#pragma once
#include <librdkafka/rdkafka.h>
#include <string.h>

// The epoch of the leader that appended a record; -1 when not known.
static inline int32_t pv_rd_kafka_message_leader_epoch(const rd_kafka_message_t *message) {
#if RD_KAFKA_VERSION >= 0x02010000
  return rd_kafka_message_leader_epoch(message);
#else
  (void)message;
  return -1;
#endif
}

// Sets the epoch of the leader that appended the last record before the entry's offset.
static inline void pv_rd_kafka_set_leader_epoch(rd_kafka_topic_partition_t *entry, int32_t epoch) {
#if RD_KAFKA_VERSION >= 0x02010000
  if (entry) rd_kafka_topic_partition_set_leader_epoch(entry, epoch);
#else
  (void)entry;
  (void)epoch;
#endif
}

// Writes the topic's id as text into `id` of `size` bytes, at least 64; empty when the library or the broker has no
// ids.
static inline rd_kafka_resp_err_t pv_rd_kafka_topic_id(rd_kafka_t *rk, const char *topic, int timeout_ms, char *id,
                                                       size_t size) {
  id[0] = 0;
#if RD_KAFKA_VERSION >= 0x02030000
  const char *names[] = {topic};
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
  rd_kafka_TopicCollection_t *topics = rd_kafka_TopicCollection_of_topic_names(names, 1);
  rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
  rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
  rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, NULL, 0);
  rd_kafka_DescribeTopics(rk, topics, options, queue);
  rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms);
  if (event) {
    size_t count = 0;
    code = rd_kafka_event_error(event);
    const rd_kafka_DescribeTopics_result_t *result = rd_kafka_event_DescribeTopics_result(event);
    const rd_kafka_TopicDescription_t **found =
        result ? rd_kafka_DescribeTopics_result_topics(result, &count) : NULL;
    if (!code && count > 0) {
      code = rd_kafka_error_code(rd_kafka_TopicDescription_error(found[0]));
      const rd_kafka_Uuid_t *uuid = code ? NULL : rd_kafka_TopicDescription_topic_id(found[0]);
      // All zeros: the broker has no ids yet.
      if (uuid && (rd_kafka_Uuid_most_significant_bits(uuid) || rd_kafka_Uuid_least_significant_bits(uuid))) {
        strncpy(id, rd_kafka_Uuid_base64str(uuid), size - 1);
        id[size - 1] = 0;
      }
    }
    rd_kafka_event_destroy(event);
  }
  rd_kafka_queue_destroy(queue);
  rd_kafka_AdminOptions_destroy(options);
  rd_kafka_TopicCollection_destroy(topics);
  return code;
#else
  (void)rk;
  (void)topic;
  (void)timeout_ms;
  (void)size;
  return RD_KAFKA_RESP_ERR_NO_ERROR;
#endif
}
