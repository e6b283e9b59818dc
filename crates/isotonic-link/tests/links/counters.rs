//! What a link tells of what it carried.

use crate::pairs::Pair;
use crate::random::bytes;
use isotonic_link::LinkCounters;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The byte with which every pair begins.
const FIRST: u64 = 1;

pub(crate) async fn every_byte_is_counted_once(pair: Pair) {
    const LEN: usize = 1_000_000;
    let Pair {
        mut client,
        mut server,
        keep: _keep,
    } = pair;
    let (client_info, server_info) = (client.info(), server.info());
    let sent = bytes(9, LEN);
    let reading = tokio::spawn(async move {
        let mut received = Vec::new();
        server.read_to_end(&mut received).await.unwrap();
        received.len()
    });
    client.write_all(&sent).await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(reading.await.unwrap(), LEN);
    let total = FIRST + LEN as u64;
    let (client, server) = (client_info.counters(), server_info.counters());
    assert_eq!(sent_of(client), total, "{client:?}");
    assert_eq!(received_of(server), total, "{server:?}");
    assert_eq!(client.memory_bytes_sent, server.memory_bytes_received);
    assert_eq!(client.socket_bytes_sent, server.socket_bytes_received);
    assert_eq!((received_of(client), sent_of(server)), (0, 0));
}

fn sent_of(counters: LinkCounters) -> u64 {
    counters.memory_bytes_sent + counters.socket_bytes_sent
}

fn received_of(counters: LinkCounters) -> u64 {
    counters.memory_bytes_received + counters.socket_bytes_received
}
