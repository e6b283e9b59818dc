"""Serves grpc.testing.TestService on grpcio's asyncio server, as the conformance suite's own service does.

    server.py unix:PATH

Prints `ready` when it listens; ends when its stdin does, or on SIGTERM.

What grpcio cannot do: it does not tell whether a request was compressed, so `expect_compressed` is not looked at. And its
C core compresses a response only if that makes it smaller, which it never does with the suite's content.
"""

import asyncio
import os
import signal
import sys
import threading

import grpc
from grpc import StatusCode

from payload import MAX_MESSAGE, WrongContent, content, verify
from protos import messages, services

INITIAL = "x-grpc-test-echo-initial"
TRAILING = "x-grpc-test-echo-trailing-bin"

INT32_MAX = (1 << 31) - 1


class TestService(services.TestServiceServicer):
    """UnimplementedCall is left to the base class, which answers UNIMPLEMENTED.

    A cancelled call needs no care: it cancels its handler's task, wherever that waits.
    """

    async def EmptyCall(self, request, context):
        await echo_metadata(context)
        return request

    async def UnaryCall(self, request, context):
        if request.response_compressed.value:
            context.set_compression(grpc.Compression.Gzip)
        await echo_metadata(context)
        await check(request.payload, context)
        await end_with(request.response_status, context)
        if not request.response_compressed.value:
            context.disable_next_message_compression()
        return messages.SimpleResponse(payload=await payload_of(request.response_size, context))

    async def CacheableUnaryCall(self, request, context):
        return await self.UnaryCall(request, context)

    async def StreamingOutputCall(self, request, context):
        # Decided before the first response, because the initial metadata names the compression.
        if any(wanted.compressed.value for wanted in request.response_parameters):
            context.set_compression(grpc.Compression.Gzip)
        await echo_metadata(context)
        async for response in respond_to(request, context):
            yield response

    async def StreamingInputCall(self, requests, context):
        await echo_metadata(context)
        total = 0
        async for request in requests:
            await check(request.payload, context)
            total += len(request.payload.body)
        if total > INT32_MAX:
            await context.abort(StatusCode.OUT_OF_RANGE, f"{total} bytes are more than an int32 tells")
        return messages.StreamingInputCallResponse(aggregated_payload_size=total)

    async def FullDuplexCall(self, requests, context):
        await echo_metadata(context)
        async for request in requests:
            async for response in respond_to(request, context):
                yield response

    async def HalfDuplexCall(self, requests, context):
        await echo_metadata(context)
        for request in [request async for request in requests]:
            async for response in respond_to(request, context):
                yield response


async def respond_to(request, context):
    """What a streaming request asks for."""
    await check(request.payload, context)
    await end_with(request.response_status, context)
    for wanted in request.response_parameters:
        if wanted.interval_us > 0:
            await asyncio.sleep(wanted.interval_us / 1_000_000)
        if not wanted.compressed.value:
            context.disable_next_message_compression()
        yield messages.StreamingOutputCallResponse(payload=await payload_of(wanted.size, context))


async def echo_metadata(context):
    """Sends what the request carries under INITIAL at once, and what it carries under TRAILING with the status."""
    received = context.invocation_metadata() or ()
    await context.send_initial_metadata([(key, value) for key, value in received if key == INITIAL])
    context.set_trailing_metadata([(key, value) for key, value in received if key == TRAILING])


async def check(payload, context):
    """Refuses a request whose payload has a wrong byte."""
    try:
        verify(payload.body)
    except WrongContent as wrong:
        await context.abort(StatusCode.INVALID_ARGUMENT, str(wrong))


async def end_with(wanted, context):
    """Ends the call with the status that the client asked for, unless that is OK."""
    if wanted.code:
        known = {code.value[0]: code for code in StatusCode}
        await context.abort(known.get(wanted.code, StatusCode.UNKNOWN), wanted.message)


async def payload_of(size, context):
    """A payload of a size that a client asked for."""
    if not 0 <= size <= MAX_MESSAGE:
        await context.abort(StatusCode.INVALID_ARGUMENT, f"no payload has {size} bytes")
    return messages.Payload(body=content(size))


def asked_to_end():
    """An event that is set when stdin ends, and on SIGTERM."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, asked.set)

    def wait_for_stdin():
        # Not through `sys.stdin`: at the interpreter's end a thread that reads it would hold its lock, and that is fatal.
        while os.read(0, 4096):
            pass
        loop.call_soon_threadsafe(asked.set)

    # A daemon, so that a stdin that stays open keeps nobody alive after SIGTERM.
    threading.Thread(target=wait_for_stdin, daemon=True).start()
    return asked


async def serve(address):
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE),
            ("grpc.max_send_message_length", MAX_MESSAGE),
        ]
    )
    services.add_TestServiceServicer_to_server(TestService(), server)
    server.add_insecure_port(address)
    await server.start()
    asked = asked_to_end()
    print("ready", flush=True)
    await asked.wait()
    await server.stop(grace=None)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: server.py unix:PATH")
    asyncio.run(serve(sys.argv[1]))
