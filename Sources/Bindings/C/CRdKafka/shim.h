// CRdKafka: what Swift needs to see of the system's librdkafka. Only what Swift cannot call by itself (variadics, macros) is
// wrapped here.
#pragma once
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include "log_identity.h"

// Sends a copy of one record with one header.
static inline rd_kafka_resp_err_t pv_rd_kafka_produce_with_header(
    rd_kafka_t *rk, const char *topic, int32_t partition, const void *key, size_t key_length, const void *value,
    size_t value_length, const char *header, const void *header_value, size_t header_length, void *opaque) {
  return rd_kafka_producev(
      rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
      RD_KAFKA_V_KEY(key, key_length), RD_KAFKA_V_VALUE((void *)value, value_length),
      RD_KAFKA_V_HEADER(header, header_value, (ssize_t)header_length), RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END);
}
