// What holds for a connection, whatever is asked on it: nobody keeps one of the few by not sending what was begun, or by not
// taking what was asked for. The head of a request has its time limit in hummingbird's own handler.

internal import HTTPTypes
internal import Hummingbird
internal import Log
internal import NIOCore

/// A request's context that knows its connection.
struct ConnectionContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}

/// Closes a connection whose client does not read: what was written stays unsent for too long.
final class UnreadAnswerHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let patience: TimeAmount
    private var closing: Scheduled<Void>?

    init(_ patience: TimeAmount) { self.patience = patience }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        closing?.cancel()
        closing = nil
        if !context.channel.isWritable {
            let channel = context.channel
            closing = context.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
        }
        context.fireChannelWritabilityChanged()
    }

    func handlerRemoved(context: ChannelHandlerContext) { closing?.cancel() }
}

extension Channel {
    /// Closes in a while: at once, and a client that is still sending would lose the answer.
    func close(after time: Duration) { eventLoop.scheduleTask(in: TimeAmount(time)) { self.close(promise: nil) } }
}

extension Request {
    /// A body was announced.
    var hasBody: Bool {
        guard headers[.transferEncoding] == nil else { return true }
        return headers[.contentLength].map { $0 != "0" } ?? false
    }
}
