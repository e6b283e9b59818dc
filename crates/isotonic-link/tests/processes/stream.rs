//! A stream whose every byte is known by its place, so that one that is wrong, lost or sent twice shows.

use isotonic_link::Link;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

/// A prime number, so that nothing that is a power of two repeats with it.
const PERIOD: usize = 251;

const CHUNK: usize = 10_000;

/// The bytes from this place on.
pub(crate) fn bytes(place: u64, len: usize) -> Vec<u8> {
    let start = (place % PERIOD as u64) as usize;
    (start..start + len).map(|at| (at % PERIOD) as u8).collect()
}

/// Sends the stream from this place on until it fails.
pub(crate) async fn send(mut writer: WriteHalf<Link>) -> io::Error {
    let mut place = 0;
    loop {
        match writer.write(&bytes(place, CHUNK)).await {
            Ok(len) => place += len as u64,
            Err(error) => return error,
        }
    }
}

/// Takes the stream until it ends; tells how long it was and how it ended. `at` is called with the place
/// after each step.
pub(crate) async fn take(
    reader: &mut ReadHalf<Link>,
    mut at: impl FnMut(u64),
) -> (u64, io::Result<()>) {
    let mut place = 0;
    let mut buffer = vec![0; 3 * CHUNK];
    loop {
        match reader.read(&mut buffer).await {
            Ok(0) => return (place, Ok(())),
            Ok(len) => {
                assert!(
                    buffer[..len] == bytes(place, len),
                    "a byte is wrong after {place}"
                );
                place += len as u64;
                at(place);
            }
            Err(error) => return (place, Err(error)),
        }
    }
}
