'use strict';

// Serves grpc.testing.TestService on grpc-js, as the conformance suite's own service does.
//
//     server.js unix:PATH
//
// Prints `ready` when it listens; ends when its stdin does, or on SIGTERM.
//
// What grpc-js cannot do: its server takes compressed requests but compresses no response, and it does not tell whether a
// request was compressed; so `response_compressed`, `compressed` and `expect_compressed` are not looked at.
// Of several values under one ASCII key it sees a single one, joined by commas, since Node's HTTP/2 joins them.

const { once } = require('node:events');
const { setTimeout: sleep } = require('node:timers/promises');

const { MAX_MESSAGE, WrongContent, content, verify } = require('./payload');
const { grpc, TestService } = require('./protos');

const INITIAL = 'x-grpc-test-echo-initial';
const TRAILING = 'x-grpc-test-echo-trailing-bin';

const INT32_MAX = 2 ** 31 - 1;

/** Ends a call with a status of the service's choice. */
class StatusError extends Error {
  constructor(code, details) {
    super(details);
    this.code = code;
    this.details = details;
  }
}

// Without UnimplementedCall, which grpc-js then answers with UNIMPLEMENTED by itself.
const service = {
  EmptyCall: answering(() => ({})),
  UnaryCall: answering(simpleResponse),
  CacheableUnaryCall: answering(simpleResponse),

  StreamingInputCall: answering(async (call) => {
    let total = 0;
    for await (const request of requestsOf(call)) {
      check(request.payload);
      total += request.payload === null ? 0 : request.payload.body.length;
    }
    if (total > INT32_MAX) {
      throw new StatusError(grpc.status.OUT_OF_RANGE, `${total} bytes are more than an int32 tells`);
    }
    return { aggregated_payload_size: total };
  }),

  StreamingOutputCall: streaming((call, cancelled) => respondTo(call.request, cancelled)),

  FullDuplexCall: streaming(async function* (call, cancelled) {
    for await (const request of requestsOf(call)) {
      yield* respondTo(request, cancelled);
    }
  }),

  HalfDuplexCall: streaming(async function* (call, cancelled) {
    const requests = [];
    for await (const request of requestsOf(call)) {
      requests.push(request);
    }
    for (const request of requests) {
      yield* respondTo(request, cancelled);
    }
  }),
};

/** A handler that sends the one response which `respond` makes, or its error. */
function answering(respond) {
  return async (call, callback) => {
    call.sendMetadata(echoed(call, INITIAL));
    const trailers = echoed(call, TRAILING);
    try {
      callback(null, await respond(call), trailers);
    } catch (error) {
      // Of a cancelled call nobody reads the status.
      callback(error, null, trailers);
    }
  };
}

/** A handler that sends the responses which `respond` yields, as fast as they are read, until the call is cancelled. */
function streaming(respond) {
  return async (call) => {
    const cancellation = new AbortController();
    const { signal } = cancellation;
    call.on('cancelled', () => cancellation.abort());
    call.sendMetadata(echoed(call, INITIAL));
    const trailers = echoed(call, TRAILING);
    try {
      for await (const response of respond(call, signal)) {
        signal.throwIfAborted();
        if (!call.write(response)) {
          await once(call, 'drain', { signal });
        }
      }
      call.end(trailers);
    } catch (error) {
      if (!signal.aborted) {
        call.emit('error', Object.assign(error, { metadata: trailers }));
      }
    }
  };
}

/** A stream's requests. It stays open after the last of them: the responses are still to come. */
function requestsOf(call) {
  return call.iterator({ destroyOnReturn: false });
}

function simpleResponse({ request }) {
  check(request.payload);
  endWith(request.response_status);
  return { payload: payloadOf(request.response_size) };
}

/** What a streaming request asks for. */
async function* respondTo(request, cancelled) {
  check(request.payload);
  endWith(request.response_status);
  for (const { size, interval_us: interval } of request.response_parameters) {
    if (interval > 0) {
      await sleep(interval / 1000, undefined, { signal: cancelled });
    }
    yield { payload: payloadOf(size) };
  }
}

/** What the request carries under `key`. */
function echoed(call, key) {
  const metadata = new grpc.Metadata();
  for (const value of call.metadata.get(key)) {
    metadata.add(key, value);
  }
  return metadata;
}

/** Refuses a request whose payload has a wrong byte. */
function check(payload) {
  try {
    verify(payload === null ? Buffer.alloc(0) : payload.body);
  } catch (error) {
    throw error instanceof WrongContent ? new StatusError(grpc.status.INVALID_ARGUMENT, error.message) : error;
  }
}

/** Ends the call with the status that the client asked for, unless that is OK. */
function endWith(wanted) {
  if (wanted !== null && wanted.code !== grpc.status.OK) {
    throw new StatusError(wanted.code in grpc.status ? wanted.code : grpc.status.UNKNOWN, wanted.message);
  }
}

/** A payload of a size that a client asked for. */
function payloadOf(size) {
  if (size < 0 || size > MAX_MESSAGE) {
    throw new StatusError(grpc.status.INVALID_ARGUMENT, `no payload has ${size} bytes`);
  }
  return { body: content(size) };
}

function main([address]) {
  if (address === undefined) {
    console.error('usage: server.js unix:PATH');
    process.exit(2);
  }
  const server = new grpc.Server({
    'grpc.max_receive_message_length': MAX_MESSAGE,
    'grpc.max_send_message_length': MAX_MESSAGE,
  });
  server.addService(TestService.service, service);
  const end = () => {
    server.forceShutdown();
    process.exit(0);
  };
  server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error) => {
    if (error) {
      console.error(error.message);
      process.exit(1);
    }
    process.on('SIGTERM', end);
    process.stdin.on('end', end).resume();
    console.log('ready');
  });
}

main(process.argv.slice(2));
