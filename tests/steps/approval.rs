//! The question before the switchover: what people are asked, by mail and in the chat, and what becomes of each answer.

use crate::watch::between;
use crate::world::{OWNER, World, plan};
use anyhow::{Context, Result};
use asl::interpreter::Outcome;
use local_aws::calls;
use serde_json::{Value, json};

/// An upgrade that waits for a person.
struct Asked {
    world: World,
    execution: String,
    token: String,
}

impl Asked {
    /// Asks, and returns once the question's token stands in the record.
    async fn of(world: World) -> Result<Self> {
        let ticket = world.claimed().await?;
        let mut plan = plan();
        plan["request"]["approval"] = json!("before_switchover");
        let input = json!({"plan": plan, "ticket": ticket});
        let execution = world.start_machine(&between(&["Approval", "Approve"])?, input)?;
        let published = || world.platform.calls().of("sns", "Publish").len();
        tests::wait("people are asked", async || Ok(published() == 2)).await?;
        let token = world.token().await?;
        let token = token.as_str().context("a token")?.to_owned();
        Ok(Self {
            world,
            execution,
            token,
        })
    }

    /// What a person's command sends.
    async fn answer(&self, operation: &str, mut answer: Value) -> Result<()> {
        answer["taskToken"] = json!(self.token);
        let target = format!("AWSStepFunctions.{operation}");
        self.world.client.json("states", &target, &answer).await?;
        Ok(())
    }

    /// Whether it went on, or why it went back.
    async fn end(self) -> Result<Option<String>> {
        let ended = self.world.ended(&self.execution).await?;
        self.world.end().await?;
        Ok(match ended {
            Outcome::Succeeded(_) => None,
            other => {
                let failure = other.failure().context("a failure")?.clone();
                assert_eq!(failure.error.as_deref(), Some("RollBack"));
                failure.cause
            }
        })
    }
}

/// A queue that gets what is published on a topic.
async fn inbox(world: &World, topic: &str) -> Result<String> {
    let name = format!("inbox-{topic}");
    let queue = json!({"QueueName": name});
    let made = world
        .client
        .json("sqs", "AmazonSQS.CreateQueue", &queue)
        .await?;
    let topic = format!("arn:aws:sns:eu-west-1:123456789012:{topic}");
    let endpoint = format!("arn:aws:sqs:eu-west-1:123456789012:{name}");
    let subscription = [
        ("TopicArn", topic.as_str()),
        ("Protocol", "sqs"),
        ("Endpoint", endpoint.as_str()),
        ("Version", "2010-03-31"),
    ];
    world
        .client
        .query("sns", "Subscribe", &subscription)
        .await?;
    Ok(made["QueueUrl"].as_str().context("a queue")?.to_owned())
}

/// What SNS put into a queue.
async fn received(world: &World, queue: &str) -> Result<Value> {
    let ask = json!({"QueueUrl": queue, "MaxNumberOfMessages": 10});
    let found = world
        .client
        .json("sqs", "AmazonSQS.ReceiveMessage", &ask)
        .await?;
    let messages = found["Messages"].as_array().context("messages")?;
    assert_eq!(messages.len(), 1, "{found}");
    Ok(serde_json::from_str(
        messages[0]["Body"].as_str().context("a body")?,
    )?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_goes_on_and_its_command_is_in_the_mail_alone() -> Result<()> {
    let world = World::start("approval-yes").await?;
    let (mail, chat) = (
        inbox(&world, "Topic").await?,
        inbox(&world, "ChatTopic").await?,
    );
    let asked = Asked::of(world).await?;
    let mail = received(&asked.world, &mail).await?;
    assert_eq!(
        mail["Subject"],
        "Viridian: orders 16.14 -> 18.4 waits for your approval"
    );
    let text = mail["Message"].as_str().context("a text")?;
    let page = format!(
        "https://console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/{OWNER}"
    );
    let known = "- Before the reads moved: Green is 0 bytes behind.\n- Before the reads moved: 6 tables hold the same rows.\n";
    let answer = |verb| {
        format!(
            "send-task-{verb} --region eu-west-1 --task-token '{}'",
            asked.token
        )
    };
    let yes = format!("{} --task-output '{{}}'\n", answer("success"));
    let no = format!("{} --error ", answer("failure"));
    tests::says(text, &[known, &yes, &no, &page]);
    let chat = received(&asked.world, &chat).await?;
    let text = chat["Message"].as_str().context("a text")?;
    assert!(!text.contains(&asked.token), "{text}");
    let custom: Value = serde_json::from_str(text)?;
    assert_eq!(custom["source"], "custom");
    assert_eq!(custom["metadata"]["threadId"], "one");
    let log = tests::log(&asked.world.platform, "watch");
    assert!(log.contains("a person asked") && !log.contains(&asked.token));
    asked
        .answer("SendTaskSuccess", json!({"output": "{}"}))
        .await?;
    assert_eq!(asked.end().await?, None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_goes_back_and_says_so() -> Result<()> {
    let asked = Asked::of(World::start("approval-no").await?).await?;
    let no = json!({"error": "Upgrade.Refused", "cause": "a person said no"});
    asked.answer("SendTaskFailure", no).await?;
    let why = asked.end().await?;
    assert_eq!(why.as_deref(), Some("Upgrade.Refused: a person said no"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_is_a_no() -> Result<()> {
    let asked = Asked::of(World::start("approval-silence").await?).await?;
    let hurried = asked.world.platform.states.hurry(&asked.execution);
    tests::accepted(hurried)?;
    let why = asked.end().await?;
    assert_eq!(
        why.as_deref(),
        Some("No one approved the switchover within 24 hours.")
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_asked_although_the_chat_can_not_be_reached() -> Result<()> {
    let world = World::start("approval-chat").await?;
    let chat = "arn:aws:sns:eu-west-1:123456789012:ChatTopic";
    let gone = [("TopicArn", chat), ("Version", "2010-03-31")];
    world.client.query("sns", "DeleteTopic", &gone).await?;
    let ticket = world.claimed().await?;
    let ask = json!({"about": "alarms", "seconds": 3600, "found": ["An alarm has no data."]});
    let input = json!({"ticket": ticket, "token": "AQCE-a-token", "ask": ask});
    world.step("watch", input).await?;
    assert!(tests::log(&world.platform, "watch").contains("chat not notified"));
    let told = world.platform.calls().of("sns", "Publish");
    let done = told
        .iter()
        .filter(|call| call.outcome == calls::Outcome::Done);
    assert_eq!((done.count(), told.len()), (1, 2), "{told:?}");
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_line_of_a_step_s_log_names_the_step_the_upgrade_and_the_database() -> Result<()> {
    let asked = Asked::of(World::start("approval-log").await?).await?;
    let log = tests::log(&asked.world.platform, "watch");
    let lines: Vec<Value> = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &Value| !line["fields"].is_null())
        .collect();
    assert!(!lines.is_empty(), "{log}");
    for line in lines {
        assert_eq!(line["span"]["step"], "watch", "{line}");
        assert_eq!(line["span"]["upgrade"], OWNER, "{line}");
        assert_eq!(line["span"]["database"], "orders", "{line}");
    }
    asked
        .answer("SendTaskSuccess", json!({"output": "{}"}))
        .await?;
    asked.end().await?;
    Ok(())
}
