//! Which messages of a body were compressed: seen from outside, as tonic tells neither a service nor a client.
//!
//! Each gRPC message has a prefix of five bytes: a flag, 1 if it is compressed, and its length (gRPC over HTTP/2,
//! "Length-Prefixed-Message").

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame};
use tonic::{Status, body::Body, server::NamedService};
use tower::Service;

/// The bytes of a message's prefix.
pub(crate) const PREFIX: usize = 5;

/// The flags of the messages that have passed and were not asked for yet, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct MessageFlags(Arc<Mutex<VecDeque<bool>>>);

impl MessageFlags {
    /// Whether the oldest message that was not asked for yet was compressed.
    pub(crate) fn next(&self) -> Option<bool> {
        self.lock().pop_front()
    }

    /// `body`, whose messages are noted as they pass.
    pub(crate) fn watch(&self, body: Body) -> Body {
        Body::new(Watched {
            body,
            flags: self.clone(),
            prefix: Vec::with_capacity(PREFIX),
            rest: 0,
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<bool>> {
        // Nothing can panic halfway through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body that is looked at in passing.
struct Watched {
    body: Body,
    flags: MessageFlags,
    /// What has passed of a prefix that is not complete.
    prefix: Vec<u8>,
    /// Bytes of the current message that have not passed yet.
    rest: usize,
}

impl Watched {
    fn look_at(&mut self, mut data: Bytes) {
        while !data.is_empty() {
            let skipped = self.rest.min(data.len());
            data.advance(skipped);
            self.rest -= skipped;
            if self.rest > 0 || data.is_empty() {
                return;
            }
            self.prefix.push(data.get_u8());
            if let &[flag, a, b, c, d] = &self.prefix[..] {
                self.flags.lock().push_back(flag == 1);
                self.rest = u32::from_be_bytes([a, b, c, d]) as usize;
                self.prefix.clear();
            }
        }
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.look_at(data.clone());
        }
        polled
    }
}

/// A service that finds the [`MessageFlags`] of its requests among their extensions.
#[derive(Clone, Debug)]
pub struct WithMessageFlags<S>(pub(crate) S);

impl<S: NamedService> NamedService for WithMessageFlags<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for WithMessageFlags<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let flags = MessageFlags::default();
        let mut request = request.map(|body| flags.watch(body));
        request.extensions_mut().insert(flags);
        self.0.call(request)
    }
}
