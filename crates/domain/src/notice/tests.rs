use super::*;
use proptest::prelude::*;

/// A message that asks, with a token in it.
fn question() -> Notice {
    Notice {
        event: "approval",
        database: "orders".into(),
        what: "16.14 -> 18.4 waits for your approval".into(),
        happened: "Green is ready.".into(),
        next: "Nothing, until you answer.".into(),
        todo: "Answer.".into(),
        execution: "arn:aws:states:eu-west-1:123456789012:execution:upgrade:one".into(),
        upgrade: "arn:aws:states:eu-west-1:123456789012:execution:upgrade:one".into(),
        commands: Some("aws stepfunctions send-task-success --task-token AQCE-secret".into()),
    }
}

#[test]
fn a_subject_says_what_happened_to_which_database() {
    assert_eq!(
        question().subject(),
        "Viridian: orders 16.14 -> 18.4 waits for your approval"
    );
}

#[test]
fn a_long_name_gives_way_to_what_is_said_of_it() {
    let subject = subject(&"d".repeat(63), "16.14 -> 18.4 waits for your approval");
    assert_eq!(subject.len(), SUBJECT);
    assert!(
        subject.ends_with("ddd... 16.14 -> 18.4 waits for your approval"),
        "{subject}"
    );
}

#[test]
fn what_sns_would_refuse_is_replaced() {
    assert_eq!(subject("bl\u{fc}e\n", "is\tback"), "Viridian: bl?e is back");
    assert_eq!(subject("a\nb", "16 → 18"), "Viridian: a b 16 ? 18");
}

proptest! {
    #[test]
    fn a_subject_is_one_short_line_of_ascii_whatever_it_names(name in ".{0,200}", what in ".{0,200}") {
        let subject = subject(&name, &what);
        prop_assert!(subject.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{subject}");
        prop_assert!(subject.len() <= SUBJECT, "{subject}");
        prop_assert!(subject.starts_with(PREFIX), "{subject}");
    }
}

#[test]
fn a_mail_says_what_happened_what_comes_what_to_do_and_where_to_look() {
    let mail = question().mail();
    let parts = [
        "Green is ready.\n",
        "\nWhat happens next: Nothing, until you answer.\n",
        "\nWhat to do: Answer.\n",
        "--task-token AQCE-secret\n",
        "https://console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/arn:aws:states:",
    ];
    let places = parts.map(|part| mail.find(part).unwrap_or_else(|| panic!("{part}: {mail}")));
    assert!(places.is_sorted(), "{mail}");
}

#[test]
fn a_chat_s_message_is_in_amazon_q_s_schema_and_has_no_token() {
    let notice = question();
    let chat = notice.chat();
    assert_eq!(
        (&chat["version"], &chat["source"]),
        (&json!("1.0"), &json!("custom"))
    );
    assert_eq!(chat["content"]["textType"], "client-markdown");
    assert_eq!(chat["content"]["title"], notice.subject());
    assert_eq!(chat["metadata"]["threadId"], "one");
    assert_eq!(chat["metadata"]["eventType"], "approval");
    for (field, parts) in [
        ("content", &["nextSteps", "keywords"][..]),
        ("metadata", &["relatedResources"]),
    ] {
        for part in parts {
            let items = chat[field][part].as_array().expect("a list");
            assert!(
                !items.is_empty() && items.iter().all(Value::is_string),
                "{part}"
            );
        }
    }
    assert!(!chat.to_string().contains("AQCE-secret"));
}

#[test]
fn a_rollback_s_messages_are_in_its_upgrade_s_thread_and_lead_to_itself() {
    let rollback = "arn:aws:states:eu-west-1:123456789012:execution:rollback:two";
    let notice = Notice {
        execution: rollback.into(),
        ..question()
    };
    assert_eq!(notice.chat()["metadata"]["threadId"], "one");
    assert!(notice.mail().contains(&format!("details/{rollback}\n")));
}

#[test]
fn a_long_plan_is_cut_in_a_chat_and_whole_in_the_mail() {
    let notice = Notice {
        happened: "ü".repeat(5_000),
        ..question()
    };
    let chat = notice.chat();
    let description = chat["content"]["description"].as_str().expect("a text");
    assert_eq!(description.chars().count(), DESCRIPTION);
    assert!(notice.mail().contains(&notice.happened));
}
