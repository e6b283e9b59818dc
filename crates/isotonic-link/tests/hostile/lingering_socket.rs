//! A descriptor whose last close waits: a TCP socket that lingers over bytes that nobody reads. The peer
//! sends it and closes its own, so that the server's is the last.

use crate::alone::alone;
use crate::echo_server::survives;
use crate::raw_peer::{ATTACH, REFUSED, RawPeer, attachment, hello};
use crate::segments::CAPACITY;
use rustix::net::sockopt::set_socket_linger;
use std::io::{ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

/// Far longer than any wait of these tests.
const LINGER: Duration = Duration::from_secs(3600);

/// A socket with more to send than its peer takes, and that peer.
pub(crate) fn lingering() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (never_reads, _) = listener.accept().unwrap();
    set_socket_linger(&socket, Some(LINGER)).unwrap();
    socket.set_nonblocking(true).unwrap();
    loop {
        match socket.write(&[0; 64 * 1024]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return (socket, never_reads),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Closes our descriptor of what was sent. Whoever is the last to close it waits, and that may be us.
pub(crate) fn let_go(sent: impl Send + 'static) {
    thread::spawn(move || drop(sent));
}

#[test]
fn where_a_segment_belongs_it_is_closed_without_waiting() {
    alone(|| {
        survives(async |server, client| {
            let (socket, _never_reads) = lingering();
            client.shake_hands();
            client.send_with(&attachment(ATTACH, CAPACITY), &[socket.as_fd()]);
            let_go(socket);
            assert_eq!(client.receive_step().kind, REFUSED);
            client.echoes(b"not held up");
            drop(client);
            server.next_end().await;
        })
    });
}

#[test]
fn where_none_belongs_it_is_closed_without_waiting() {
    alone(|| {
        survives(async |_, client: RawPeer| {
            let (socket, _never_reads) = lingering();
            client.send_with(&hello(1, 1, 1), &[socket.as_fd()]);
            let_go(socket);
            client.is_closed_by_the_other_side();
        })
    });
}
