// CCurl: the system's libcurl for Swift, with wrappers for what Swift cannot import. curl_easy_setopt,
// curl_easy_getinfo and curl_multi_setopt take a variable argument whose type depends on the option; here each type has
// a function.
#pragma once
#include <curl/curl.h>

typedef size_t (*curl_shim_data_callback)(char *data, size_t size, size_t count, void *context);

static inline CURLcode curl_shim_global_init(void) { return curl_global_init(CURL_GLOBAL_ALL); }

static inline CURLcode curl_shim_set_long(CURL *handle, CURLoption option, long value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode curl_shim_set_offset(CURL *handle, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode curl_shim_set_string(CURL *handle, CURLoption option, const char *value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode curl_shim_set_pointer(CURL *handle, CURLoption option, void *value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode curl_shim_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode curl_shim_set_data_callback(CURL *handle, CURLoption option, curl_shim_data_callback callback) {
  return curl_easy_setopt(handle, option, callback);
}
static inline CURLcode curl_shim_set_prerequest(CURL *handle, curl_prereq_callback callback) {
  return curl_easy_setopt(handle, CURLOPT_PREREQFUNCTION, callback);
}
static inline CURLcode curl_shim_set_socket_callback(CURL *handle, curl_sockopt_callback callback) {
  return curl_easy_setopt(handle, CURLOPT_SOCKOPTFUNCTION, callback);
}
static inline CURLcode curl_shim_get_long(CURL *handle, CURLINFO info, long *value) {
  return curl_easy_getinfo(handle, info, value);
}
static inline CURLMcode curl_shim_multi_set_long(CURLM *multi, CURLMoption option, long value) {
  return curl_multi_setopt(multi, option, value);
}
