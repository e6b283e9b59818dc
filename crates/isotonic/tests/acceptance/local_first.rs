//! The local address if there is one, else TCP; decided anew at each connect.

use crate::served::{Served, call_again, unix_address, within};
use isotonic::{Connector, LinkKind, ListenerBuilder, Reason, tune_endpoint};
use tonic::transport::Endpoint;

#[tokio::test]
async fn a_channel_goes_to_the_local_server_and_back() {
    let (_folder, local) = unix_address();
    let (remote, tcp) = Served::with(ListenerBuilder::default(), "http://127.0.0.1:0").await;
    let connector = Connector::local_first(local.parse().unwrap());
    let links = connector.links();
    let endpoint = tune_endpoint(Endpoint::from_shared(tcp.clone()).unwrap());
    let connecting = endpoint.connect_with_connector(connector);
    let channel = within("a connection", connecting).await.unwrap();

    call_again(&channel).await;
    let link = links.latest().unwrap();
    assert_eq!(link.kind(), LinkKind::Tcp);
    match link.reason() {
        Some(Reason::LocalUnreachable { error }) => {
            assert!(error.contains(&local), "{error}");
            assert!(error.contains("is the server started"), "{error}");
        }
        other => panic!("{other:?}"),
    }

    let server = Served::on(&local).await;
    remote.stop().await;
    call_again(&channel).await;
    assert_eq!(links.latest().unwrap().address().to_string(), local);
    assert_eq!(server.last_link().address().to_string(), local);

    let (remote, _) = Served::with(ListenerBuilder::default(), &tcp).await;
    server.stop().await;
    call_again(&channel).await;
    assert_eq!(remote.last_link().kind(), LinkKind::Tcp);
    assert_eq!(links.latest().unwrap().kind(), LinkKind::Tcp);
}
