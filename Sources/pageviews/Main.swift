// The executable: runs one command line (Commands) and ends with its exit code.

import Commands
import Glibc

@main
enum Main {
    static func main() async {
        // A reader that goes away ends output with an error from write, not the process.
        signal(SIGPIPE, SIG_IGN)
        end(await Pageviews.perform(Pageviews.request()))
    }

    /// Ends the process without the exit handlers of libraries: OpenSSL's takes memory away that a client's thread may use.
    private static func end(_ code: Int32) -> Never {
        fflush(nil)
        _exit(code)
    }
}
