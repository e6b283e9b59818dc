//! Every limit that bounds what a peer can make us wait for, keep or allocate, with its unit and its
//! reason.

use std::time::Duration;

/// How long a peer may take for the whole handshake. Long enough for a loaded machine, short enough
/// that a peer that says nothing does not hold its place for long.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a server may stay silent after our `Hello` before it is taken for a plain HTTP/2 server.
/// Every server that was tried answers a foreign hello at once with its SETTINGS or a close; this is
/// for those that wait for more bytes.
pub const PLAIN_PEER_TIMEOUT: Duration = Duration::from_millis(500);

/// How long a spawned child may take until it answers on its standard input: process start, dynamic
/// linking and the program's own set-up come before.
pub const SPAWN_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a child that has closed its standard input may take to end, so that its exit status can be
/// told. Longer than any process needs that has nothing left to do.
pub const CHILD_END_TIMEOUT: Duration = Duration::from_secs(1);

/// Connections that one user's clients may have at a listener's Unix sockets, unless configured
/// ([`Quota`](crate::Quota)); more are turned away. Each takes two
/// descriptors: where several users are admitted, `RLIMIT_NOFILE` should allow for that.
pub const MAX_CONNECTIONS_PER_USER: usize = 1024;

/// Of these, those whose handshake has not finished, or whose link waits for a place among the untaken
/// ones, unless configured; more wait.
pub const MAX_UNFINISHED_HANDSHAKES_PER_USER: usize = 64;

/// Bytes of shared memory that one user's clients may have at a listener, both rings of each link
/// counted, unless configured: some 500 links with rings of [`DEFAULT_RING_CAPACITY`]. Only links that were busy
/// have rings.
pub const MAX_MAPPED_PER_USER: u64 = 1024 * 1024 * 1024;

/// Links per listener that are established but not yet taken by [`Listener::accept`](crate::Listener::accept).
pub const MAX_UNTAKEN_LINKS: usize = 64;

/// The kernel's queue of connections that were not accepted yet, per listening socket (listen(2)).
pub const BACKLOG: u32 = 1024;

/// Pause of the accept loop after the process has run out of descriptors or memory: the first, and
/// the longest that it doubles up to.
pub const ACCEPT_BACK_OFF: (Duration, Duration) =
    (Duration::from_millis(10), Duration::from_secs(1));

/// Pause between two tries for something that another process is about to give up: a full backlog,
/// a FIFO in use, the lock of a folder. The first, and the longest that it doubles up to; the tries
/// end at [`HANDSHAKE_TIMEOUT`]. Likewise between two tries to send the end of a link in shared memory into a socket
/// that is full of unread doorbells; whoever shuts the link down decides how long it waits for that.
pub const RETRY_BACK_OFF: (Duration, Duration) =
    (Duration::from_millis(1), Duration::from_millis(50));

/// Payload bytes of one `Data` record at most: what a link that is not in shared memory yet sends at a
/// time. Larger writes are the ones that pay for shared memory.
pub const MAX_DATA_RECORD: usize = 16 * 1024;

/// Bytes that were taken off the socket but not read yet, per link that is not in shared memory yet,
/// before the socket is left alone. Not less than a default socket buffer (212,992 B), so that the
/// records of the move into shared memory are rarely behind more than this.
pub const MAX_UNREAD: usize = 256 * 1024;

/// Pause between two looks at a full ring of a writer that cannot be woken, because nobody takes the
/// bytes that lie before the doorbell. Rare: only while a link moves into shared memory.
pub const BLIND_LOOK: Duration = Duration::from_millis(1);

/// Bytes taken off a socket with one system call. Small, because every idle link has such a buffer.
pub const RECEIVE_BUFFER: usize = 8 * 1024;

/// Bytes taken at most by one read of a Unix socket that carries plain bytes: as many as a connection of
/// HTTP/2 has room for in its usual frames, so that little is zeroed for nothing.
pub const PLAIN_READ: usize = 64 * 1024;

/// Memory of a peer's, in bytes, that is freed at once where its last descriptor is closed: some milliseconds'
/// worth. Larger is freed by a thread that has no other work.
pub const MAX_FREED_AT_ONCE: u64 = 32 * 1024 * 1024;

/// What peers sent that cannot be closed and that no user's quota answers for (it came with a connection
/// that we made, or that was turned away), over the whole process. At this many no connection is made or
/// let in until some are closed.
pub const MAX_UNCHARGED_CLOSING: usize = 64;

/// Capacity of one direction's ring in bytes unless configured: what a message of 1 MiB fits into, nearly. With
/// less its writer waits for space, and where the runtimes have more threads than CPUs a wait may cost a time slice.
/// `isotonic-bench compare --links tonic-uds,shm --rounds 3` built with each capacity, default runtimes on two
/// cores, two runs each:
///
/// | capacity | 1 MiB call, p50   | p99              | 1 MiB client stream | 1 MiB server stream | p99          |
/// |---------:|------------------:|-----------------:|--------------------:|--------------------:|-------------:|
/// |  256 KiB |      279, 284 µs  |  1,355, 1,294 µs |       6.4, 6.3 GB/s |       6.7, 6.3 GB/s |  6.1, 6.5 ms |
/// |  512 KiB |      326, 286 µs  |      432, 915 µs |       8.6, 8.5 GB/s |       7.5, 7.5 GB/s |  7.6, 5.4 ms |
/// |    1 MiB |      285, 304 µs  |      621, 668 µs |       9.1, 8.4 GB/s |       8.5, 8.7 GB/s |  3.8, 3.6 ms |
/// |    2 MiB |      282, 275 µs  |      516, 456 µs |       9.4, 8.4 GB/s |       9.0, 7.9 GB/s |  3.2, 6.1 ms |
///
/// Calls and streams of 64 KiB do not differ by more than their spread.
pub const DEFAULT_RING_CAPACITY: u64 = 1024 * 1024;

/// The same where this process may run on one CPU only. Nobody reads there while the writer writes, so small calls
/// beside a bulk stream wait until the ring has been filled and emptied.
pub const ONE_CPU_RING_CAPACITY: u64 = 256 * 1024;

/// The largest ring in bytes that a peer can make us map, unless configured.
pub const MAX_RING_CAPACITY: u64 = 16 * 1024 * 1024;

/// A link moves into shared memory once it has carried this many bytes, or this many turns (a write
/// after a read), within [`BUSY_WINDOW`]. A connection that only says hello stays below: an HTTP/2
/// connection's set-up is three turns and some hundred bytes.
pub const BUSY_BYTES: u64 = 64 * 1024;

/// See [`BUSY_BYTES`].
pub const BUSY_TURNS: u32 = 16;

/// See [`BUSY_BYTES`].
pub const BUSY_WINDOW: Duration = Duration::from_secs(1);

/// Bytes that one direction of a link in shared memory moves in one go before the other direction and other tasks have
/// a turn, if the other direction has lately used one.
pub const TURN_BYTES: usize = 256 * 1024;

/// The lead of a direction over the other one after which that is given a turn although it has not used any lately, if
/// [`TURN_BYTES`] of it were moved in one go. A call of 1 MiB has no use for turns, and each is a way through the runtime,
/// which often wakes another of its workers, on either CPU. `isotonic-bench compare --patterns mixed,unary`, one worker a
/// process, medians of 4 to 8 runs each, the variants taking turns (these: with all counted that was moved in one go):
///
/// | turns                         | small calls beside a bulk stream | bulk stream | 1 MiB call, p50 |
/// |-------------------------------|---------------------------------:|------------:|----------------:|
/// | none                          |     p99 505 µs, 4,400 calls/s    |    7.8 GB/s |          417 µs |
/// | after 2 MiB, then 128 KiB     |     p99 424 µs, 5,800 calls/s    |    7.4 GB/s |          421 µs |
/// | these                         |    p99 214 µs, 10,200 calls/s    |    7.5 GB/s |          419 µs |
///
/// With default runtimes on two cores the p99 is that of waiting for a CPU, 0.7 to 0.8 ms with and without turns; always
/// after 256 KiB, calls of 1 MiB take 636 µs instead of 551.
///
/// It is counted from the last turn, and not in one go: who catches up with its peer now and then would never find
/// out that there is use for turns (small calls beside a bulk stream then p99 254 µs instead of 188, 5 to 6 other runs).
/// What the other direction moves meanwhile is taken off, since calls whose requests and answers are as large take turns
/// anyway. Calls of 1 MiB, default runtimes, all that is moved and the lead, Unix socket: 357, 333 and 584 µs in five alternating runs,
/// 357, 353 and 639 in twelve; beside other work on both cores, three runs each, 1,033, 664, 611 and 879, 461, 444 (1,026, 592, 558).
/// Small calls beside calls of 1 MiB, one at a time, one worker a process, then find out later: p99 241 µs when all is counted,
/// 427 with the lead, Unix socket 604, and the large ones 2.57, 3.17, 1.80 GB/s (three runs; with default runtimes, or two large ones
/// at a time, no difference).
pub const QUIET_TURN_BYTES: usize = 2 * 1024 * 1024;

/// Fewer bytes than this, read or written at once, are no use of a turn: more than the WINDOW_UPDATE frames of a stream and
/// of its connection (RFC 9113, 6.9; 13 B each), which every bulk transfer causes, and less than the answer to a call (of a
/// stream's small messages, those of up to 12 B are not seen). Streams of 64 KiB and 1 MiB, one worker a process, medians
/// of 4 to 5 alternating runs: 9.5 to 10.0 GB/s when window updates count, 9.9 to 10.2 with this.
pub const LEAST_TURN_USE: usize = 27;

/// What has come is handed over in portions once it is no more than so many bytes. More is most likely bulk, which has no
/// use for them.
pub const LARGEST_PORTION: usize = 64 * 1024;

/// The least portion, in bytes. A call is not much smaller: 64 B of payload are 111 B of request.
pub const LEAST_PORTION: usize = 64;

/// How long portions may go unanswered before they become larger, if all were answered before: a way through an
/// idle runtime is some 0.6 µs, but a call may be in the hands of a worker that waits for a CPU.
pub const PORTION_PATIENCE: Duration = Duration::from_micros(100);

/// How long something may wait for portions before it and for the tasks that run between them; then all that has come
/// is handed over. With 0.5 ms, 64 calls at once fall back into step: 76,000 to 87,000 calls/s instead of 96,000
/// (throw-away builds).
pub const LONGEST_IN_PORTIONS: Duration = Duration::from_millis(5);

/// How long a side polls for the peer before it sleeps, where polling pays. It has to cover the usual
/// time to an answer: with less, a call pays for both the polling and the wake-up. Measured over
/// shared memory with a throw-away program, two processes with default runtimes on two cores, medians
/// of 7 rounds:
///
/// | budget | 64 B call, p50 | p99    | 64 KiB call, p50 | 64 KiB stream |
/// |-------:|---------------:|-------:|-----------------:|--------------:|
/// |      0 |          50 µs |  92 µs |           127 µs |      3.4 GB/s |
/// |  20 µs |          10 µs |  85 µs |           130 µs |      3.9 GB/s |
/// |  50 µs |          10 µs | 103 µs |           130 µs |      4.4 GB/s |
/// | 100 µs |          10 µs | 136 µs |            46 µs |      4.2 GB/s |
/// | 200 µs |          12 µs | 230 µs |            52 µs |      2.8 GB/s |
///
/// (The p99 has since come down: pollers offer the CPU to others in a long wait, see `waiting/mod.rs`.) A budget learned
/// per link (4 to 16 times the usual wait, up to this) was tried; it moved none of these figures by more than their spread.
pub const POLL_BUDGET: Duration = Duration::from_micros(100);

/// How long a side polls for bytes at most on a link that carries more than a gibibyte a second (less than that, but
/// more than [`POLL_BUDGET`], if it carries less): the answer to a large message takes long, and the wait for it begins
/// when the last answer has been read, before the message is made. `isotonic-bench compare`, two cores, default runtimes,
/// medians of 3 to 5 alternating runs of throw-away builds:
///
/// |                                         | [`POLL_BUDGET`] |   this | Unix socket |
/// |-----------------------------------------|----------------:|-------:|------------:|
/// | 1 MiB call, p50                         |          453 µs | 344 µs |      589 µs |
/// | the same, CPU of both sides             |          574 µs | 676 µs |      766 µs |
/// | 64 KiB calls beside a bulk stream, p99  |        1,085 µs | 439 µs |    1,613 µs |
/// | 16 calls of 64 KiB at once, calls/s     |          27,400 | 32,900 |      17,100 |
/// | 1,000 1 MiB calls/s, CPU of both sides  |          669 µs | 890 µs |      857 µs |
///
/// What it costs is in proportion to what is carried, so that a call stays about as cheap as over a socket. 300, 400, 500,
/// 600 and 800 µs, medians of 7 runs: p50 340, 359, 389, 376, 354 µs, each run within 325 to 520, so no difference; but
/// two other series had 430 and 456 µs with 300 (we suppose that waits longer than the budget end polling, and that
/// calls then stay slow), and 347 to 365 with 500. One worker a process, 6 runs with 300, 400, 500: 305, 290, 290 µs
/// (Unix socket: 556).
pub const LARGE_MESSAGES_BUDGET: Duration = Duration::from_micros(500);

/// Servers remembered as plain HTTP/2 per connector, and for how long: they need not be asked again at
/// each reconnect, and one that was upgraded is found out.
pub const MAX_PLAIN_PEERS: usize = 64;

/// See [`MAX_PLAIN_PEERS`].
pub const PLAIN_PEER_MEMORY: Duration = Duration::from_secs(60);
