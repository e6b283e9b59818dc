//! gRPC's reflection service: tools ask it what a server has.

use prost::Message;
use prost_types::FileDescriptorProto;
use tonic::{Code, Streaming, service::Routes};
use tonic_reflection::{
    pb::v1::{
        ServerReflectionRequest, ServerReflectionResponse,
        server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    },
    server::Builder,
};

use super::served::Serving;
use crate::{
    Bounded, link::SharedLink, messages::open_stream, proto::FILE_DESCRIPTORS, service::TestService,
};

/// What services there are, and in what file a symbol is; all on one stream, as tools do it.
pub(super) async fn reflection(link: SharedLink) {
    let reflection = Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTORS)
        .build_v1()
        .expect("valid descriptors");
    let routes = Routes::new(TestService::new().into_service()).add_service(reflection);
    let serving = Serving::start("reflection", &link, routes).await;
    let bounded = serving.bounded;
    let mut client = ServerReflectionClient::new(serving.way());
    let (requests, outgoing) = open_stream();
    let call = client.server_reflection_info(outgoing);
    let response = bounded.wait("the headers", call).await;
    let mut responses = response.expect("a stream").into_inner();

    let asked = requests.send(request(MessageRequest::ListServices(String::new())));
    asked.await.expect("an open stream");
    let MessageResponse::ListServicesResponse(list) = next(&bounded, &mut responses).await else {
        panic!("another answer than the services");
    };
    let mut services: Vec<String> = list
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    services.sort();
    assert_eq!(
        services,
        [
            "grpc.reflection.v1.ServerReflection",
            "grpc.testing.TestService",
            "grpc.testing.UnimplementedService",
        ]
    );

    for (symbol, expected) in [
        ("grpc.testing.TestService", "grpc/testing/test.proto"),
        ("grpc.testing.SimpleRequest", "grpc/testing/messages.proto"),
        ("grpc.testing.Empty", "grpc/testing/empty.proto"),
    ] {
        let file = MessageRequest::FileContainingSymbol(symbol.to_owned());
        let asked = requests.send(request(file));
        asked.await.expect("an open stream");
        let MessageResponse::FileDescriptorResponse(files) = next(&bounded, &mut responses).await
        else {
            panic!("another answer than the file of {symbol}");
        };
        let file = FileDescriptorProto::decode(&files.file_descriptor_proto[0][..]);
        let file = file.expect("a valid descriptor");
        assert_eq!(file.name(), expected, "the file of {symbol}");
        assert_eq!(file.package(), "grpc.testing");
        let messages = file.message_type.iter().map(|message| message.name());
        let services = file.service.iter().map(|service| service.name());
        let last = symbol.rsplit('.').next();
        assert!(
            messages.chain(services).any(|name| Some(name) == last),
            "{symbol}"
        );
    }

    let nothing = MessageRequest::FileContainingSymbol("grpc.testing.Nothing".to_owned());
    let asked = requests.send(request(nothing));
    asked.await.expect("an open stream");
    let status = bounded.wait("a refusal", responses.message()).await;
    let status = status.expect_err("the file of nothing");
    assert_eq!(status.code(), Code::NotFound, "{status}");
    drop((client, requests, responses));
    serving.end().await;
}

fn request(wanted: MessageRequest) -> ServerReflectionRequest {
    ServerReflectionRequest {
        host: String::new(),
        message_request: Some(wanted),
    }
}

async fn next(
    bounded: &Bounded,
    responses: &mut Streaming<ServerReflectionResponse>,
) -> MessageResponse {
    let response = bounded.wait("a response", responses.message()).await;
    let response = response.expect("no error").expect("no end");
    response
        .message_response
        .expect("something in the response")
}
