//! DNS over UDP and TCP for the names of a platform.

use super::{self as dns, Found, Nameserver, Target};
use anyhow::{Context as _, Result};
use async_trait::async_trait;
use hickory_proto::op::{Header, HeaderCounts, Metadata, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use std::net::SocketAddrV4;
use std::time::Duration;
use tokio::net::{TcpListener, UdpSocket};

/// For how many seconds a resolver may remember that there is no such name.
const NEGATIVE_TTL: u32 = 1;
/// How long an idle TCP connection is kept.
const TCP_IDLE: Duration = Duration::from_secs(30);

/// A nameserver that listens. Stops when dropped.
pub type Serving = Server<Nameserver>;

/// Answers for `names` at `address`.
///
/// # Errors
/// When the address can't be listened on.
pub async fn serve(names: Nameserver, address: SocketAddrV4) -> Result<Serving> {
    let listening = || format!("the nameserver can't listen on {address}");
    let udp = UdpSocket::bind(address).await.with_context(listening)?;
    let tcp = TcpListener::bind(address).await.with_context(listening)?;
    let mut server = Server::new(names);
    server.register_socket(udp);
    server.register_listener(tcp, TCP_IDLE, 32);
    Ok(server)
}

#[async_trait]
impl RequestHandler for Nameserver {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut answers: R,
    ) -> ResponseInfo {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.authoritative = true;
        metadata.recursion_available = true;
        let reply = self.reply(request);
        metadata.response_code = reply.code;
        let builder = MessageResponseBuilder::from_message_request(request);
        let response = builder.build(metadata, &reply.answers, [], &reply.soa, []);
        let sent = answers.send_response(response).await;
        sent.unwrap_or_else(|error| {
            tracing::warn!(%error, "DNS answer not sent");
            let counts = HeaderCounts::default();
            ResponseInfo::from(Header { metadata, counts })
        })
    }
}

struct Reply {
    code: ResponseCode,
    answers: Vec<Record>,
    soa: Option<Record>,
}

impl From<ResponseCode> for Reply {
    fn from(code: ResponseCode) -> Self {
        let (answers, soa) = (Vec::new(), None);
        Self { code, answers, soa }
    }
}

impl Nameserver {
    fn reply(&self, request: &Request) -> Reply {
        let Ok(info) = request.request_info() else {
            return ResponseCode::FormErr.into();
        };
        let name = info.query.name().to_string();
        let mut draw = |below| rand::random_range(0..below);
        let (code, steps) = match self.find(&name, &mut draw) {
            Found::Steps(steps) => (ResponseCode::NoError, steps),
            Found::Missing(steps) => (ResponseCode::NXDomain, steps),
            Found::Foreign => return ResponseCode::Refused.into(),
        };
        let kind = info.query.query_type();
        let steps = steps.iter().filter(|step| fits(step, kind));
        let answers: Vec<Record> = steps.filter_map(record).collect();
        let found = answers.iter().any(|record| record.record_type() == kind);
        Reply {
            code,
            soa: if found { None } else { soa(&name) },
            answers,
        }
    }
}

/// A name that leads on answers a query of any type.
fn fits(step: &dns::Record, kind: RecordType) -> bool {
    match step.target {
        Target::Name(_) => true,
        Target::Address(_) => matches!(kind, RecordType::A | RecordType::ANY),
    }
}

fn record(step: &dns::Record) -> Option<Record> {
    let data = match &step.target {
        Target::Address(ip) => RData::A(A(*ip)),
        Target::Name(name) => RData::CNAME(CNAME(absolute(name)?)),
    };
    Some(Record::from_rdata(absolute(&step.name)?, step.ttl, data))
}

/// The start of authority of the zone, which is taken to be the last two labels.
fn soa(name: &str) -> Option<Record> {
    let zone = absolute(name)?.trim_to(2);
    let (primary, person) = (zone.clone(), zone.clone());
    let data = SOA::new(primary, person, 1, 3600, 600, 86400, NEGATIVE_TTL);
    Some(Record::from_rdata(zone, NEGATIVE_TTL, RData::SOA(data)))
}

fn absolute(name: &str) -> Option<Name> {
    Name::from_ascii(format!("{}.", name.trim_end_matches('.'))).ok()
}
