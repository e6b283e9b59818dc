//! Both directions at once, each with a task of its own at both ends.

use crate::pairs::Pair;
use crate::random::{Random, bytes};
use isotonic_link::Link;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::task::JoinHandle;

/// Sends `bytes` in pieces of random size up to `piece`, and ends the direction.
fn send(mut half: WriteHalf<Link>, bytes: Vec<u8>, piece: usize) -> JoinHandle<WriteHalf<Link>> {
    tokio::spawn(async move {
        let mut random = Random::new(bytes.len() as u64);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let len = random.up_to(piece).min(rest.len());
            half.write_all(&rest[..len]).await.unwrap();
            rest = &rest[len..];
        }
        half.shutdown().await.unwrap();
        half
    })
}

/// Reads to the end in pieces of random size up to `piece`, and compares.
fn expect(mut half: ReadHalf<Link>, bytes: Vec<u8>, piece: usize) -> JoinHandle<ReadHalf<Link>> {
    tokio::spawn(async move {
        let mut random = Random::new(bytes.len() as u64 + 2);
        let mut buffer = vec![0; piece];
        let mut received = 0;
        loop {
            let len = random.up_to(piece);
            let read = half.read(&mut buffer[..len]).await.unwrap();
            if read == 0 {
                break;
            }
            assert!(
                bytes[received..].starts_with(&buffer[..read]),
                "wrong bytes within the {read} from {received} on"
            );
            received += read;
        }
        assert_eq!(received, bytes.len());
        half
    })
}

async fn cross(pair: Pair, len: usize, piece: usize) {
    let Pair {
        client,
        server,
        keep: _keep,
    } = pair;
    let (there, back) = (bytes(4, len), bytes(5, len + 12_345));
    let (client_reader, client_writer) = tokio::io::split(client);
    let (server_reader, server_writer) = tokio::io::split(server);
    let writers = [
        send(client_writer, there.clone(), piece),
        send(server_writer, back.clone(), piece),
    ];
    let readers = [
        expect(server_reader, there, piece),
        expect(client_reader, back, piece),
    ];
    for task in readers {
        task.await.unwrap();
    }
    for task in writers {
        task.await.unwrap();
    }
}

pub(crate) async fn many_megabytes_cross(pair: Pair) {
    cross(pair, 16 * 1024 * 1024, 100_000).await;
}

pub(crate) async fn odd_pieces_cross(pair: Pair) {
    cross(pair, 300_000, 300).await;
}

/// Enough turns to move into shared memory for their number alone.
pub(crate) async fn short_turns(pair: Pair) {
    let Pair {
        mut client,
        mut server,
        keep: _keep,
    } = pair;
    let answering = tokio::spawn(async move {
        let mut byte = [0];
        while server.read(&mut byte).await.unwrap() == 1 {
            server.write_all(&[byte[0].wrapping_add(1)]).await.unwrap();
        }
    });
    for turn in 0..1000 {
        let (question, mut answer) = (turn as u8, [0]);
        client.write_all(&[question]).await.unwrap();
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer[0], question.wrapping_add(1));
    }
    drop(client);
    answering.await.unwrap();
}
