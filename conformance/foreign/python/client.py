"""Runs one of gRPC's interoperability cases on grpcio.

    client.py ADDRESS CASE
    client.py --cases

Sizes and names are those of gRPC's interop test descriptions. These cases are left out, because grpcio shows no message's
compressed flag to its user and sets none for a single message of a client's stream: client_compressed_streaming,
server_compressed_unary, server_compressed_streaming.
"""

import faulthandler
import queue
import sys
from contextlib import contextmanager

import grpc
from grpc import StatusCode

from payload import MAX_MESSAGE, WrongContent, content, verify
from protos import empty, messages, services

# What a call may take, in seconds: it needs a small part of that, so whatever takes longer hangs.
DEADLINE = 30

# When the program says where its threads stand and fails, in seconds: past the deadline, so it is no call that hangs but the
# program itself, and before the one who waits for it gives up and could tell nothing of it.
GIVE_UP = 45

INITIAL = "x-grpc-test-echo-initial"
TRAILING = "x-grpc-test-echo-trailing-bin"

CASES = {}


class Failed(Exception):
    """The case has failed; the message says what was expected and what came."""


def case(function):
    """Makes `function` the case of its name."""
    CASES[function.__name__] = function
    return function


@case
def empty_unary(channel):
    response = stub_of(channel).EmptyCall(empty.Empty(), timeout=DEADLINE)
    expect("a response's bytes", 0, response.ByteSize())


@case
def cacheable_unary(channel):
    # No cache is on the way, so these are plain calls; the header is the one that asks a proxy to cache.
    for _ in range(2):
        response = stub_of(channel).CacheableUnaryCall(
            simple_request(), metadata=[("x-user-ip", "1.2.3.4")], timeout=DEADLINE
        )
        check_payload(response.payload, 314159)


@case
def large_unary(channel):
    check_large_unary(channel)


@case
def client_streaming(channel):
    requests = (
        messages.StreamingInputCallRequest(payload=payload(size)) for size in (27182, 8, 1828, 45904)
    )
    response = stub_of(channel).StreamingInputCall(requests, timeout=DEADLINE)
    expect("the sum of the payloads' sizes", 74922, response.aggregated_payload_size)


@case
def server_streaming(channel):
    sizes = [31415, 9, 2653, 58979]
    request = messages.StreamingOutputCallRequest(
        response_parameters=[messages.ResponseParameters(size=size) for size in sizes]
    )
    check_responses(stub_of(channel).StreamingOutputCall(request, timeout=DEADLINE), sizes)


@case
def ping_pong(channel):
    with open_stream() as requests:
        responses = stub_of(channel).FullDuplexCall(requests, timeout=DEADLINE)
        for request_size, response_size in [(27182, 31415), (8, 9), (1828, 2653), (45904, 58979)]:
            requests.send(stream_request(request_size, response_size))
            check_payload(next_response(responses).payload, response_size)
    check_responses(responses, [])


@case
def empty_stream(channel):
    check_responses(stub_of(channel).FullDuplexCall(iter([]), timeout=DEADLINE), [])


@case
def custom_metadata(channel):
    initial, trailing = "test_initial_metadata_value", b"\xab\xab\xab"
    metadata = [(INITIAL, initial), (TRAILING, trailing)]

    response, call = stub_of(channel).UnaryCall.with_call(
        simple_request(), metadata=metadata, timeout=DEADLINE
    )
    check_payload(response.payload, 314159)
    check_echoes(call, initial, trailing)

    call = stub_of(channel).FullDuplexCall(
        iter([stream_request(271828, 314159)]), metadata=metadata, timeout=DEADLINE
    )
    check_responses(call, [314159])
    check_echoes(call, initial, trailing)


@case
def status_code_and_message(channel):
    check_echoed_status(channel, "test status message")


@case
def special_status_message(channel):
    check_echoed_status(channel, "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n")


@case
def unimplemented_method(channel):
    with fails_with(StatusCode.UNIMPLEMENTED):
        stub_of(channel).UnimplementedCall(empty.Empty(), timeout=DEADLINE)


@case
def unimplemented_service(channel):
    with fails_with(StatusCode.UNIMPLEMENTED):
        stub = services.UnimplementedServiceStub(channel)
        stub.UnimplementedCall(empty.Empty(), timeout=DEADLINE)


@case
def cancel_after_begin(channel):
    with open_stream() as requests:
        call = stub_of(channel).StreamingInputCall.future(requests, timeout=DEADLINE)
        call.cancel()
        expect("the cancelled call's status", StatusCode.CANCELLED, call.code())
    # What was cancelled must not harm what comes after it.
    check_large_unary(channel)


@case
def cancel_after_first_response(channel):
    with open_stream() as requests:
        call = stub_of(channel).FullDuplexCall(requests, timeout=DEADLINE)
        requests.send(stream_request(27182, 31415))
        check_payload(next_response(call).payload, 31415)
        call.cancel()
        with fails_with(StatusCode.CANCELLED):
            next_response(call)
    check_large_unary(channel)


@case
def timeout_on_sleeping_server(channel):
    # Connected before, or else the call would expire before it has left this process.
    empty_unary(channel)
    with open_stream() as requests:
        requests.send(messages.StreamingOutputCallRequest(payload=payload(27182)))
        call = stub_of(channel).FullDuplexCall(requests, timeout=0.001)
        with fails_with(StatusCode.DEADLINE_EXCEEDED):
            next_response(call)
    check_large_unary(channel)


@case
def concurrent_large_unary(channel):
    unary_call = stub_of(channel).UnaryCall
    request = simple_request()
    for call in [unary_call.future(request, timeout=DEADLINE) for _ in range(1000)]:
        check_payload(call.result().payload, 314159)


@case
def client_compressed_unary(channel):
    unary_call = stub_of(channel).UnaryCall
    expecting = compressible_request()
    expecting.expect_compressed.value = True
    with fails_with(StatusCode.INVALID_ARGUMENT):
        unary_call(expecting, compression=grpc.Compression.NoCompression, timeout=DEADLINE)
    response = unary_call(expecting, compression=grpc.Compression.Gzip, timeout=DEADLINE)
    check_payload(response.payload, 314159)

    not_expecting = compressible_request()
    not_expecting.expect_compressed.value = False
    response = unary_call(
        not_expecting, compression=grpc.Compression.NoCompression, timeout=DEADLINE
    )
    check_payload(response.payload, 314159)


class OpenStream:
    """An iterator over requests as they are sent, until the stream is ended."""

    def __init__(self):
        self._requests = queue.SimpleQueue()

    def send(self, request):
        self._requests.put(request)

    def end(self):
        self._requests.put(None)

    def __iter__(self):
        return self

    def __next__(self):
        request = self._requests.get()
        if request is None:
            raise StopIteration
        return request


@contextmanager
def open_stream():
    """A stream of requests that ends with the block, also by an error: grpcio's thread that reads it would not."""
    requests = OpenStream()
    try:
        yield requests
    finally:
        requests.end()


@contextmanager
def fails_with(code, message=None):
    """Sees to it that the block's call fails with `code`, and with `message` if there is one."""
    try:
        yield
    except grpc.RpcError as error:
        expect("the call's status", code, error.code())
        if message is not None:
            expect("the status message", message, error.details())
    else:
        raise Failed(f"expected the call to fail with {code}, but it succeeded")


def stub_of(channel):
    return services.TestServiceStub(channel)


def payload(size):
    return messages.Payload(body=content(size))


def simple_request():
    """The request of large_unary."""
    return messages.SimpleRequest(response_size=314159, payload=payload(271828))


def compressible_request():
    """The request of large_unary, but one that gzip makes smaller.

    The C core sends a message as it is if gzip would not make it smaller, and the content never gets smaller. A status of
    OK asks for nothing, so its message is free to hold what does.
    """
    request = simple_request()
    request.response_status.code = StatusCode.OK.value[0]
    request.response_status.message = " " * 4096
    return request


def stream_request(request_size, response_size):
    return messages.StreamingOutputCallRequest(
        response_parameters=[messages.ResponseParameters(size=response_size)],
        payload=payload(request_size),
    )


def next_response(responses):
    response = next(responses, None)
    if response is None:
        raise Failed("expected a response, but the stream ended with OK")
    return response


def check_large_unary(channel):
    response = stub_of(channel).UnaryCall(simple_request(), timeout=DEADLINE)
    check_payload(response.payload, 314159)


def check_payload(received, size):
    expect("a payload's size", size, len(received.body))
    verify(received.body)


def check_responses(responses, sizes):
    """Sees to it that exactly these responses are left, and then OK."""
    for size in sizes:
        check_payload(next_response(responses).payload, size)
    left = sum(1 for _ in responses)
    expect("the responses that were not asked for", 0, left)


def check_echoes(call, initial, trailing):
    expect(f"{INITIAL} in the initial metadata", [initial], values(call.initial_metadata(), INITIAL))
    expect(f"{TRAILING} in the trailers", [trailing], values(call.trailing_metadata(), TRAILING))


def values(metadata, key):
    return [value for found, value in metadata if found == key]


def check_echoed_status(channel, message):
    status = messages.EchoStatus(code=StatusCode.UNKNOWN.value[0], message=message)
    with fails_with(StatusCode.UNKNOWN, message):
        request = messages.SimpleRequest(response_status=status)
        stub_of(channel).UnaryCall(request, timeout=DEADLINE)
    with fails_with(StatusCode.UNKNOWN, message):
        request = messages.StreamingOutputCallRequest(response_status=status)
        next_response(stub_of(channel).FullDuplexCall(iter([request]), timeout=DEADLINE))


def expect(what, expected, found):
    if expected != found:
        raise Failed(f"{what}: expected {expected!r}, got {found!r}")


def run(address, name):
    """Runs the case and returns what went wrong, or None."""
    options = [
        # The C core would name the socket's path, percent-encoded, as the authority; tonic's h2 takes no percent sign there
        # and resets the stream with PROTOCOL_ERROR.
        ("grpc.default_authority", "localhost"),
        ("grpc.max_receive_message_length", MAX_MESSAGE),
        ("grpc.max_send_message_length", MAX_MESSAGE),
    ]
    with grpc.insecure_channel(address, options) as channel:
        try:
            CASES[name](channel)
        except (Failed, WrongContent) as failed:
            return str(failed)
        except grpc.RpcError as error:
            return f"expected an answer, got {error.code()}: {error.details()}"
    return None


def main(arguments):
    if arguments == ["--cases"]:
        print("\n".join(CASES))
        return 0
    if len(arguments) != 2 or arguments[1] not in CASES:
        print("usage: client.py ADDRESS CASE | client.py --cases", file=sys.stderr)
        return 2
    address, name = arguments
    faulthandler.dump_traceback_later(GIVE_UP, exit=True)
    failed = run(address, name)
    if failed is not None:
        print(f"{name}: {failed}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
