//! Metadata in both places.

use tonic::{Request, metadata::MetadataValue};

use crate::{
    Bounded, Subject,
    echo::{INITIAL, TRAILING, binaries, texts},
    messages::{assert_end, assert_payload, assert_response, simple_request, stream_request},
};

/// The official value in initial metadata.
const TEXT: &str = "test_initial_metadata_value";

/// The official value in trailers: not UTF-8.
const BINARY: [u8; 3] = [0xab, 0xab, 0xab];

/// What is initial comes in the headers, what is trailing in the trailers, of a unary call and of a stream.
pub(super) async fn custom_metadata(subject: Subject) {
    let bounded = Bounded::start("custom_metadata");
    let mut client = subject.client();
    let call = client.unary_call(with_metadata(simple_request(271_828, 314_159)));
    let response = bounded.wait("the response", call).await.expect("an answer");
    // tonic's client shows headers and trailers of a unary call in one map.
    assert_eq!(texts(response.metadata()), [TEXT]);
    assert_eq!(binaries(response.metadata()), [BINARY]);
    assert_payload(response.into_inner().payload.as_ref(), 314_159);

    let requests = tokio_stream::iter([stream_request(271_828, [314_159])]);
    let call = client.full_duplex_call(with_metadata(requests));
    let response = bounded.wait("the response's headers", call).await;
    let response = response.expect("a stream");
    assert_eq!(texts(response.metadata()), [TEXT]);
    let mut responses = response.into_inner();
    let first = bounded.wait("the response", responses.message());
    assert_response(first.await, 314_159);
    let end = bounded.wait("the end of the stream", responses.message());
    assert_end(end.await);
    let trailers = bounded.wait("the trailers", responses.trailers()).await;
    let trailers = trailers.expect("trailers and no error").expect("trailers");
    assert_eq!(binaries(&trailers), [BINARY]);
}

/// A request that asks for the echoes.
fn with_metadata<M>(message: M) -> Request<M> {
    let mut request = Request::new(message);
    let metadata = request.metadata_mut();
    metadata.insert(INITIAL, MetadataValue::from_static(TEXT));
    metadata.insert_bin(TRAILING, MetadataValue::from_bytes(&BINARY));
    request
}
