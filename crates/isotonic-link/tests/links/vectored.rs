//! Writes of several slices.

use crate::pairs::Pair;
use crate::random::bytes;
use std::io::IoSlice;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

pub(crate) async fn slices_arrive_in_order(pair: Pair) {
    let Pair {
        mut client,
        mut server,
        keep: _keep,
    } = pair;
    assert!(client.is_write_vectored());
    let slices = [&b"one "[..], b"", b"two ", b"three"].map(IoSlice::new);
    // Far less than any link takes at once.
    assert_eq!(client.write_vectored(&slices).await.unwrap(), 13);
    client.flush().await.unwrap();
    let mut received = [0; 13];
    server.read_exact(&mut received).await.unwrap();
    assert_eq!(&received, b"one two three");
}

/// More slices than a system call takes (1024, IOV_MAX), and many empty ones.
pub(crate) async fn many_and_empty_slices_arrive(pair: Pair) {
    let Pair {
        mut client,
        mut server,
        keep: _keep,
    } = pair;
    let sent = bytes(1, 300_000);
    let expected = sent.clone();
    let writing = tokio::spawn(async move {
        let mut rest = &sent[..];
        while !rest.is_empty() {
            let slices: Vec<IoSlice> = rest
                .chunks(37)
                .take(1500)
                .flat_map(|part| [&[], part])
                .map(IoSlice::new)
                .collect();
            let written = client.write_vectored(&slices).await.unwrap();
            assert!(written > 0);
            rest = &rest[written..];
        }
        assert_eq!(client.write_vectored(&[]).await.unwrap(), 0);
        assert_eq!(client.write(&[]).await.unwrap(), 0);
        client.shutdown().await.unwrap();
        client
    });
    let mut received = Vec::new();
    server.read_to_end(&mut received).await.unwrap();
    assert!(received == expected, "{} bytes came", received.len());
    writing.await.unwrap();
}
