'use strict';

// Runs one of gRPC's interoperability cases on grpc-js.
//
//     client.js ADDRESS CASE
//     client.js --cases
//
// Sizes and names are those of gRPC's interop test descriptions. These cases are left out, because grpc-js shows no
// received message's compressed flag to its user: server_compressed_unary, server_compressed_streaming.

const { once } = require('node:events');
const { isDeepStrictEqual, inspect } = require('node:util');

const { MAX_MESSAGE, content, verify } = require('./payload');
const { grpc, TestService, UnimplementedService } = require('./protos');

const { CANCELLED, DEADLINE_EXCEEDED, INVALID_ARGUMENT, OK, UNIMPLEMENTED, UNKNOWN } = grpc.status;

// What a call may take, in milliseconds: it needs a small part of that, so whatever takes longer hangs.
const DEADLINE = 30_000;

const INITIAL = 'x-grpc-test-echo-initial';
const TRAILING = 'x-grpc-test-echo-trailing-bin';

// gRPC's write flag for a message that is not compressed though its stream is. grpc-js does not export it.
const NO_COMPRESS = 2;

const OPTIONS = {
  'grpc.max_receive_message_length': MAX_MESSAGE,
  'grpc.max_send_message_length': MAX_MESSAGE,
};

const CASES = {
  async empty_unary(client) {
    const { response } = await unary(client, 'EmptyCall', {});
    expect('the response', {}, response);
  },

  async cacheable_unary(client) {
    // No cache is on the way, so these are plain calls; the header is the one that asks a proxy to cache.
    const metadata = new grpc.Metadata();
    metadata.set('x-user-ip', '1.2.3.4');
    for (let call = 0; call < 2; call += 1) {
      const { response } = await unary(client, 'CacheableUnaryCall', simpleRequest(), metadata);
      checkPayload(response.payload, 314159);
    }
  },

  large_unary: checkLargeUnary,

  async client_streaming(client) {
    const { call, response } = streamingInput(client);
    for (const size of [27182, 8, 1828, 45904]) {
      call.write({ payload: payload(size) });
    }
    call.end();
    expect('the sum of the payloads’ sizes', 74922, (await response).aggregated_payload_size);
  },

  async server_streaming(client) {
    const sizes = [31415, 9, 2653, 58979];
    const request = { response_parameters: sizes.map((size) => ({ size })) };
    const call = client.StreamingOutputCall(request, { deadline: deadline() });
    await checkResponses(call[Symbol.asyncIterator](), sizes);
  },

  async ping_pong(client) {
    const { call, responses } = fullDuplex(client);
    for (const [requestSize, responseSize] of [[27182, 31415], [8, 9], [1828, 2653], [45904, 58979]]) {
      call.write(streamRequest(requestSize, responseSize));
      checkPayload((await nextResponse(responses)).payload, responseSize);
    }
    call.end();
    await checkResponses(responses, []);
  },

  async empty_stream(client) {
    const { call, responses } = fullDuplex(client);
    call.end();
    await checkResponses(responses, []);
  },

  async custom_metadata(client) {
    const initial = 'test_initial_metadata_value';
    const trailing = Buffer.from([0xab, 0xab, 0xab]);
    const metadata = new grpc.Metadata();
    metadata.set(INITIAL, initial);
    metadata.set(TRAILING, trailing);

    const answer = await unary(client, 'UnaryCall', simpleRequest(), metadata);
    checkPayload(answer.response.payload, 314159);
    checkEchoes(await answer.initial, await answer.status, initial, trailing);

    const { call, responses } = fullDuplex(client, metadata);
    const received = once(call, 'metadata');
    const ended = once(call, 'status');
    call.end(streamRequest(271828, 314159));
    await checkResponses(responses, [314159]);
    const [[initialMetadata], [status]] = await Promise.all([received, ended]);
    checkEchoes(initialMetadata, status, initial, trailing);
  },

  status_code_and_message: (client) => checkEchoedStatus(client, 'test status message'),

  special_status_message: (client) =>
    checkEchoedStatus(client, '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n'),

  unimplemented_method: (client) => failsWith(UNIMPLEMENTED, unary(client, 'UnimplementedCall', {})),

  async unimplemented_service(client, address) {
    const unimplemented = new UnimplementedService(address, grpc.credentials.createInsecure(), OPTIONS);
    await failsWith(UNIMPLEMENTED, unary(unimplemented, 'UnimplementedCall', {}));
    unimplemented.close();
  },

  async cancel_after_begin(client) {
    const { call, response } = streamingInput(client);
    call.cancel();
    await failsWith(CANCELLED, response);
    // What was cancelled must not harm what comes after it.
    await checkLargeUnary(client);
  },

  async cancel_after_first_response(client) {
    const { call, responses } = fullDuplex(client);
    call.write(streamRequest(27182, 31415));
    checkPayload((await nextResponse(responses)).payload, 31415);
    call.cancel();
    await failsWith(CANCELLED, responses.next());
    await checkLargeUnary(client);
  },

  async timeout_on_sleeping_server(client) {
    // Connected before, or else the call would expire before it has left this process.
    await unary(client, 'EmptyCall', {});
    const { call, responses } = fullDuplex(client, new grpc.Metadata(), 1);
    call.write({ payload: payload(27182) });
    await failsWith(DEADLINE_EXCEEDED, responses.next());
    await checkLargeUnary(client);
  },

  async concurrent_large_unary(client) {
    await Promise.all(Array.from({ length: 1000 }, () => checkLargeUnary(client)));
  },

  async client_compressed_unary(client, address) {
    const compressing = compressingClient(address);
    const expecting = { ...simpleRequest(), expect_compressed: { value: true } };
    await failsWith(INVALID_ARGUMENT, unary(compressing, 'UnaryCall', uncompressed(expecting)));
    const requests = [
      { ...simpleRequest(), expect_compressed: { value: true } },
      uncompressed({ ...simpleRequest(), expect_compressed: { value: false } }),
    ];
    for (const request of requests) {
      const { response } = await unary(compressing, 'UnaryCall', request);
      checkPayload(response.payload, 314159);
    }
    compressing.close();
  },

  async client_compressed_streaming(client, address) {
    const compressing = compressingClient(address);
    const probe = streamingInput(compressing);
    probe.call.end(uncompressed({ payload: payload(27182), expect_compressed: { value: true } }));
    await failsWith(INVALID_ARGUMENT, probe.response);

    const { call, response } = streamingInput(compressing);
    call.write({ payload: payload(27182), expect_compressed: { value: true } });
    call.end(uncompressed({ payload: payload(45904), expect_compressed: { value: false } }));
    expect('the sum of the payloads’ sizes', 73086, (await response).aggregated_payload_size);
    compressing.close();
  },
};

/** The case has failed; the message says what was expected and what came. */
class Failed extends Error {}

function deadline(milliseconds = DEADLINE) {
  return Date.now() + milliseconds;
}

/** Makes a unary call: its response, and promises of its initial metadata and of its status. */
function unary(client, method, request, metadata = new grpc.Metadata()) {
  return new Promise((resolve, reject) => {
    const answered = (error, response) => (error ? reject(error) : resolve({ response, initial, status }));
    const call = client[method](request, metadata, { deadline: deadline() }, answered);
    const initial = new Promise((received) => call.on('metadata', received));
    const status = new Promise((received) => call.on('status', received));
  });
}

/** Begins a StreamingInputCall: where its requests are written, and a promise of its response. */
function streamingInput(client) {
  let call;
  const response = new Promise((resolve, reject) => {
    const answered = (error, answer) => (error ? reject(error) : resolve(answer));
    call = client.StreamingInputCall({ deadline: deadline() }, answered);
  });
  return { call, response };
}

/** Begins a FullDuplexCall: where its requests are written, and its responses. */
function fullDuplex(client, metadata = new grpc.Metadata(), milliseconds = DEADLINE) {
  const call = client.FullDuplexCall(metadata, { deadline: deadline(milliseconds) });
  return { call, responses: call[Symbol.asyncIterator]() };
}

/** The requests that a compressing client shall send as they are. */
const uncompressedRequests = new WeakSet();

function uncompressed(request) {
  uncompressedRequests.add(request);
  return request;
}

/** A call that compresses each message but those marked by `uncompressed`. */
class CompressingCall extends grpc.InterceptingCall {
  sendMessageWithContext(context, message) {
    const flags = uncompressedRequests.has(message) ? NO_COMPRESS : 0;
    super.sendMessageWithContext({ ...context, flags }, message);
  }
}

function compressingClient(address) {
  return new TestService(address, grpc.credentials.createInsecure(), {
    ...OPTIONS,
    'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip,
    interceptors: [(options, nextCall) => new CompressingCall(nextCall(options))],
  });
}

function payload(size) {
  return { body: content(size) };
}

/** The request of large_unary. */
function simpleRequest() {
  return { response_size: 314159, payload: payload(271828) };
}

function streamRequest(requestSize, responseSize) {
  return { response_parameters: [{ size: responseSize }], payload: payload(requestSize) };
}

async function nextResponse(responses) {
  const { done, value } = await responses.next();
  if (done) {
    throw new Failed('expected a response, but the stream ended with OK');
  }
  return value;
}

async function checkLargeUnary(client) {
  const { response } = await unary(client, 'UnaryCall', simpleRequest());
  checkPayload(response.payload, 314159);
}

function checkPayload(received, size) {
  const body = received === null ? Buffer.alloc(0) : received.body;
  expect('a payload’s size', size, body.length);
  verify(body);
}

/** Sees to it that exactly these responses are left, and then OK. */
async function checkResponses(responses, sizes) {
  for (const size of sizes) {
    checkPayload((await nextResponse(responses)).payload, size);
  }
  const { done } = await responses.next();
  expect('the end of the stream', true, done);
}

function checkEchoes(initialMetadata, status, initial, trailing) {
  expect('the status', OK, status.code);
  expect(`${INITIAL} in the initial metadata`, [initial], initialMetadata.get(INITIAL));
  expect(`${TRAILING} in the trailers`, [trailing], status.metadata.get(TRAILING));
}

async function checkEchoedStatus(client, message) {
  const request = { response_status: { code: UNKNOWN, message } };
  await failsWith(UNKNOWN, unary(client, 'UnaryCall', request), message);
  const { call, responses } = fullDuplex(client);
  call.end(request);
  await failsWith(UNKNOWN, responses.next(), message);
}

/** Sees to it that what `call` promises fails with `code`, and with `message` if there is one. */
async function failsWith(code, call, message) {
  let error;
  try {
    await call;
  } catch (caught) {
    error = caught;
  }
  if (error === undefined) {
    throw new Failed(`expected the call to fail with ${grpc.status[code]}, but it succeeded`);
  }
  expect('the call’s status', grpc.status[code], grpc.status[error.code] ?? String(error));
  if (message !== undefined) {
    expect('the status message', message, error.details);
  }
}

function expect(what, expected, found) {
  if (!isDeepStrictEqual(expected, found)) {
    throw new Failed(`${what}: expected ${inspect(expected)}, got ${inspect(found)}`);
  }
}

async function run(address, name) {
  const client = new TestService(address, grpc.credentials.createInsecure(), OPTIONS);
  try {
    await CASES[name](client, address);
    return 0;
  } catch (error) {
    console.error(`${name}: ${'details' in error ? `expected an answer, got ${error.message}` : error.message}`);
    return 1;
  } finally {
    client.close();
  }
}

async function main(names) {
  const [address, name] = names;
  if (names.length === 1 && address === '--cases') {
    console.log(Object.keys(CASES).join('\n'));
    return 0;
  }
  if (names.length !== 2 || !Object.hasOwn(CASES, name)) {
    console.error('usage: client.js ADDRESS CASE | client.js --cases');
    return 2;
  }
  return run(address, name);
}

// At once: a failed case may leave calls open, which would keep the process until their deadline.
main(process.argv.slice(2)).then((code) => process.exit(code));
