// The executable: runs one command line and exits with its code.

import Commands
import Glibc

@main
enum Main {
    static func main() async {
        // Without SIGPIPE, writing to a closed pipe returns an error and does not kill the process.
        signal(SIGPIPE, SIG_IGN)
        end(await Pageviews.perform(Pageviews.request()))
    }

    /// Ends the process without running libraries' exit handlers: OpenSSL's frees memory that a client thread may still
    /// use.
    private static func end(_ code: Int32) -> Never {
        fflush(nil)
        _exit(code)
    }
}
