//! Which sequences are tried.
//!
//! What a call gives must not depend on time, so there is no deadline, and a call that is given up counts what it has read.
//! It must also come to its end on the far side: a client that drops the stream of responses resets the call only when its
//! requests are sent (see [`behaviour::cancellation`](crate::behaviour)), so the requests and the responses of a call fit in
//! HTTP/2's windows.

use std::time::Duration;

use proptest::{collection::vec, option::weighted, prelude::*, sample::select};

use super::call::{Batch, Call, Cancel, Kind, Message, Response};

/// The largest payload, in bytes.
const MAX_SIZE: usize = 300 * 1024;

/// The most messages of a call, and responses to a message: 900 KiB fit in hyper's window of 1 MiB at the service,
/// 1,800 KiB in that of 2 MiB at the client.
const MAX_MESSAGES: usize = 3;
const MAX_RESPONSES: usize = 2;

/// Where a size could make a difference, in bytes: a frame of HTTP/2, its first window, a record on the socket with the
/// change to shared memory, a ring.
const EDGES: [usize; 3] = [16 * 1024, 64 * 1024, 256 * 1024];

/// What surrounds a payload: Protocol Buffers, gRPC's prefix and frames take about so many bytes.
const AROUND: usize = 64;

/// Batches of calls.
pub(super) fn sequence() -> impl Strategy<Value = Vec<Batch>> {
    vec(vec(call(), 1..6), 1..4)
}

fn call() -> impl Strategy<Value = Call> {
    let limit = prop_oneof![4 => Just(usize::MAX), 1 => size()];
    let cancel = (0..5usize).prop_map(|after| Cancel { after });
    (
        kind(),
        weighted(0.1, Just(())),
        limit,
        weighted(0.12, cancel),
        vec("[ -~]{0,20}", 0..4),
        vec(vec(any::<u8>(), 0..20), 0..4),
        weighted(0.2, vec(any::<u8>(), 0..40)),
    )
        .prop_map(
            |(kind, compressed, limit, cancel, texts, binaries, details)| Call {
                kind,
                compressed: compressed.is_some(),
                limit,
                cancel,
                texts,
                binaries,
                details,
            },
        )
}

fn kind() -> impl Strategy<Value = Kind> {
    let messages = || vec(message(), 0..=MAX_MESSAGES);
    prop_oneof![
        1 => Just(Kind::Empty),
        1 => Just(Kind::UnimplementedMethod),
        1 => Just(Kind::UnimplementedService),
        4 => message().prop_map(Kind::Unary),
        4 => messages().prop_map(Kind::ClientStream),
        4 => message().prop_map(Kind::ServerStream),
        4 => messages().prop_map(Kind::HalfDuplex),
        6 => (messages(), any::<bool>())
            .prop_map(|(messages, lock_step)| Kind::FullDuplex { messages, lock_step }),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    let spoilt = weighted(0.05, Just(())).prop_map(|spoilt| spoilt.is_some());
    let text = vec(any::<char>(), 0..12).prop_map(String::from_iter);
    let status = weighted(0.2, (0..=16i32, text));
    (size(), spoilt, vec(response(), 0..=MAX_RESPONSES), status).prop_map(
        |(size, spoilt, responses, status)| Message {
            size,
            spoilt,
            responses,
            status,
        },
    )
}

fn response() -> impl Strategy<Value = Response> {
    let delay = prop_oneof![
        6 => Just(Duration::ZERO),
        1 => (1..2000u64).prop_map(Duration::from_micros),
    ];
    (size(), delay).prop_map(|(size, delay)| Response { size, delay })
}

fn size() -> impl Strategy<Value = usize> {
    let edge = (select(&EDGES[..]), 0..=2 * AROUND);
    prop_oneof![
        2 => Just(0),
        5 => 1..200usize,
        2 => edge.prop_map(|(edge, within)| edge + AROUND - within),
        1 => 0..=MAX_SIZE,
    ]
}
