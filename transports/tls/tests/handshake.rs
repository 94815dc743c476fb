//! Real handshakes in memory: who is trusted, who is refused, and with what words.
#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, Connection, Error, ProtocolVersion, ServerConnection};
use transport_tls::{Fingerprint, ServerIdentity, Trust, TrustError, explain_refusal};

type Ends = (ClientConnection, ServerConnection);

fn identity() -> (tempfile::TempDir, ServerIdentity) {
    let directory = tempfile::tempdir().unwrap();
    let identity = ServerIdentity::development(directory.path()).unwrap();
    (directory, identity)
}

fn alpn(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}

/// Lets both ends talk until neither wants to, or one refuses.
fn handshake(trust: &Trust, server: &ServerIdentity, names: [&[&str]; 2]) -> Result<Ends, Error> {
    let name = ServerName::try_from("localhost").unwrap();
    let client_config = trust.client_config(&alpn(names[0])).unwrap();
    let mut client = Connection::from(ClientConnection::new(client_config, name).unwrap());
    let config = server.server_config(&alpn(names[1]));
    let mut server = Connection::from(ServerConnection::new(config).unwrap());
    while client.wants_write() || server.wants_write() {
        carry(&mut client, &mut server)?;
        carry(&mut server, &mut client)?;
    }
    match (client, server) {
        (Connection::Client(client), Connection::Server(server)) => Ok((client, server)),
        _ => unreachable!("each stays what it is"),
    }
}

fn carry(from: &mut Connection, to: &mut Connection) -> Result<(), Error> {
    let mut bytes = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut bytes).unwrap();
    }
    let mut bytes = bytes.as_slice();
    while !bytes.is_empty() {
        to.read_tls(&mut bytes).unwrap();
        to.process_new_packets()?;
    }
    Ok(())
}

#[test]
fn a_client_trusts_a_server_by_its_fingerprint_and_both_agree_on_a_protocol() {
    let (_directory, server) = identity();
    let trust = Trust::from(server.fingerprint());
    let names: [&[&str]; 2] = [&["b", "a"], &["a", "b"]];
    let (client, server) = handshake(&trust, &server, names).unwrap();
    assert!(!client.is_handshaking() && !server.is_handshaking());
    assert_eq!(client.alpn_protocol(), Some(&b"a"[..]));
    assert_eq!(server.alpn_protocol(), Some(&b"a"[..]));
    assert_eq!(client.protocol_version(), Some(ProtocolVersion::TLSv1_3));
}

#[test]
fn a_client_refuses_another_fingerprint_and_names_both() {
    let (_directory, server) = identity();
    let expected = Fingerprint::from([7; 32]);
    let error = handshake(&Trust::Fingerprint(expected), &server, [&[], &[]]).unwrap_err();
    let text = explain_refusal(&error).unwrap();
    assert!(text.contains(&format!("the fingerprint {}", server.fingerprint())), "{text}");
    assert!(text.contains(&format!("expected {expected}")), "{text}");
    assert!(text.contains("compare it with"), "{text}");
}

#[test]
fn a_certificate_shown_without_its_key_is_refused() {
    let (directory, server) = identity();
    let (other_directory, _) = identity();
    // The victim's certificate with the thief's key, forced together past `ServerIdentity`.
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let key = {
        use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
        let path = other_directory.path().join("development-key.pem");
        provider.key_provider.load_private_key(PrivateKeyDer::from_pem_file(path).unwrap()).unwrap()
    };
    let stolen = rustls::sign::CertifiedKey::new(vec![server.leaf().clone()], key);
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(stolen)));
    let mut thief = Connection::from(ServerConnection::new(Arc::new(config)).unwrap());
    let trust = Trust::from(server.fingerprint()).client_config(&[]).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = Connection::from(ClientConnection::new(trust, name).unwrap());
    carry(&mut client, &mut thief).unwrap();
    let error = carry(&mut thief, &mut client).unwrap_err();
    assert!(error.to_string().contains("BadSignature"), "{error}");
    drop(directory);
}

#[test]
fn a_root_in_a_file_vouches_for_its_names() {
    let (directory, server) = identity();
    let path = directory.path().join("development-certificate.pem");
    let trust = Trust::roots_from_pem(&path).unwrap();
    assert!(handshake(&trust, &server, [&[], &[]]).is_ok());
}

#[test]
fn a_server_nobody_vouches_for_is_refused_with_advice() {
    let (_directory, server) = identity();
    let (_other, root) = identity();
    let trust = Trust::Roots(vec![root.leaf().clone()]);
    let error = handshake(&trust, &server, [&[], &[]]).unwrap_err();
    let text = explain_refusal(&error).unwrap();
    assert!(text.contains("fingerprint that the server printed"), "{text}");
}

#[test]
fn two_ends_without_a_common_protocol_part() {
    let (_directory, server) = identity();
    let trust = Trust::from(server.fingerprint());
    let error = handshake(&trust, &server, [&["a"], &["b"]]).unwrap_err();
    assert_eq!(error, Error::NoApplicationProtocol);
    assert_eq!(explain_refusal(&error), None);
}

#[test]
fn a_trust_without_any_root_is_an_error_and_not_an_open_door() {
    assert!(matches!(Trust::Roots(Vec::new()).client_config(&[]), Err(TrustError::Roots { .. })));
}
