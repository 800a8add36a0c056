//! The few messages of PostgreSQL's protocol that a login has before the gate steps aside. See “Message Formats” in PostgreSQL's
//! documentation.

use std::io::{Error, Result};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// PostgreSQL takes no longer ones before a login, and tokens have some two thousand bytes.
const LONGEST: u32 = 65_536;

/// What a connection's first packet asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// `SSLRequest`.
    Tls,
    /// `GSSENCRequest`.
    Gss,
    /// `CancelRequest`.
    Cancel,
    /// `StartupMessage`.
    Session,
}

/// A packet without a type, as a connection begins with.
pub async fn startup(from: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>> {
    body(from, vec![]).await
}

/// A packet with a type, whole.
pub async fn message(from: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>> {
    let kind = from.read_u8().await?;
    body(from, vec![kind]).await
}

/// The length, which counts itself, and what follows it.
async fn body(from: &mut (impl AsyncRead + Unpin), mut packet: Vec<u8>) -> Result<Vec<u8>> {
    let length = from.read_u32().await?;
    if !(8..=LONGEST).contains(&length) {
        return Err(Error::other(format!("a packet of {length} bytes")));
    }
    packet.extend(length.to_be_bytes());
    let begins = packet.len();
    packet.resize(begins + length as usize - 4, 0);
    from.read_exact(&mut packet[begins..]).await?;
    Ok(packet)
}

/// What a first packet asks for.
pub fn opening(packet: &[u8]) -> Opening {
    match number(packet, 4) {
        Some(80_877_103) => Opening::Tls,
        Some(80_877_104) => Opening::Gss,
        Some(80_877_102) => Opening::Cancel,
        _ => Opening::Session,
    }
}

/// As whom a `StartupMessage` wants to log in.
pub fn user(startup: &[u8]) -> Option<String> {
    let mut texts = startup.get(8..)?.split(|byte| *byte == 0);
    while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
        if name == b"user" {
            return String::from_utf8(value.to_vec()).ok();
        }
    }
    None
}

/// Whether it is `AuthenticationOk`.
pub fn is_welcome(message: &[u8]) -> bool {
    message.first() == Some(&b'R') && number(message, 5) == Some(0)
}

/// Whether it is `NegotiateProtocolVersion`, which comes before the server's first question.
pub fn is_prelude(message: &[u8]) -> bool {
    message.first() == Some(&b'v')
}

/// `AuthenticationCleartextPassword`.
pub fn ask_for_password() -> Vec<u8> {
    let mut message = vec![b'R'];
    message.extend(8_u32.to_be_bytes());
    message.extend(3_u32.to_be_bytes());
    message
}

/// What a `PasswordMessage` holds.
pub fn password(message: &[u8]) -> Option<String> {
    let text = message.strip_prefix(b"p")?.get(4..)?;
    String::from_utf8(text.strip_suffix(b"\0")?.to_vec()).ok()
}

/// An `ErrorResponse` that ends a login, with `invalid_authorization_specification`.
pub fn refusal(why: &str) -> Vec<u8> {
    let fields = format!("SFATAL\0VFATAL\0C28000\0M{why}\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap_or(LONGEST);
    let mut message = vec![b'E'];
    message.extend(length.to_be_bytes());
    message.extend(fields.as_bytes());
    message
}

fn number(packet: &[u8], at: usize) -> Option<u32> {
    let bytes = packet.get(at..at + 4)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_login_is_read_as_it_was_sent() {
        let mut sent = 22_u32.to_be_bytes().to_vec();
        sent.extend(196_608_u32.to_be_bytes());
        sent.extend(b"user\0orders\0\0\0");
        let read = startup(&mut sent.as_slice()).await.unwrap();
        assert_eq!((&read, opening(&read)), (&sent, Opening::Session));
        assert_eq!(user(&read).as_deref(), Some("orders"));
    }

    #[tokio::test]
    async fn a_packet_without_end_is_not_read() {
        let endless = u32::MAX.to_be_bytes();
        assert!(startup(&mut endless.as_slice()).await.is_err());
    }
}
