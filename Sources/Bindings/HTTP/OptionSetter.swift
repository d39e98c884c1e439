// Sets typed options of one libcurl handle and records whether libcurl accepted all of them.

import CCurl

final class OptionSetter {
    private let handle: UnsafeMutableRawPointer
    private(set) var isAccepted = true

    init(_ handle: UnsafeMutableRawPointer) { self.handle = handle }

    func set(_ option: CURLoption, _ value: Int) { note(curl_shim_set_long(handle, option, value)) }
    /// libcurl copies the text.
    func set(_ option: CURLoption, _ value: String) { note(curl_shim_set_string(handle, option, value)) }
    func set(_ option: CURLoption, offset: Int64) { note(curl_shim_set_offset(handle, option, curl_off_t(offset))) }
    func set(_ option: CURLoption, pointer: UnsafeMutableRawPointer) {
        note(curl_shim_set_pointer(handle, option, pointer))
    }
    func set(_ option: CURLoption, list: UnsafeMutablePointer<curl_slist>?) {
        note(curl_shim_set_list(handle, option, list))
    }
    func set(_ option: CURLoption, callback: @escaping curl_shim_data_callback) {
        note(curl_shim_set_data_callback(handle, option, callback))
    }
    func setPrerequest(_ callback: @escaping curl_prereq_callback) {
        note(curl_shim_set_prerequest(handle, callback))
    }

    func setSocketCallback(_ callback: @escaping curl_sockopt_callback) {
        note(curl_shim_set_socket_callback(handle, callback))
    }

    private func note(_ code: CURLcode) { if code != CURLE_OK { isAccepted = false } }
}
