//! Plans and subscribers from the operator's command line: files that spreadsheets write, twice,
//! by halves, and back.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use pesan_tests::Stack;
use pesan_tests::operator::Operator;
use serde_json::{Value, json};

const HEADING: &str = "id,name,phone,plan\n";
const FILE: &str = "id,name,phone,plan\n\
                    a,Andi,+6281200002001,dasar\n\
                    b,Sari,081200002002,Paket Dasar\n\
                    c,Tono,+6281200002001,dasar\n";

/// How many subscribers `demo` has from the beginning.
const THERE: usize = 25;

/// The subscribers' rows of the table.
async fn rows(stack: &Stack) -> Vec<Value> {
    let mut rows = stack.rows().await;
    rows.retain(|row| row["PK"]["S"].as_str().unwrap().contains("#SUB#"));
    rows
}

fn counts(done: &Value) -> [u64; 5] {
    ["new", "changed", "unchanged", "refused", "corrected"].map(|name| done[name].as_u64().unwrap())
}

#[tokio::test]
async fn the_demo_merchant_has_a_plan_and_25_subscribers_with_a_number_each() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    let plans = operator.does("pesan plans list demo --json").json();
    assert_eq!(plans["plans"][0]["monthly_fee"], 150_000);
    let listed = operator.does("pesan subscribers list demo --json").json();
    let all = listed["subscribers"].as_array().unwrap();
    assert_eq!((all.len(), &listed["next"]), (THERE, &Value::Null));
    let mut phones: Vec<&str> = all
        .iter()
        .map(|one| one["phone"].as_str().unwrap())
        .collect();
    phones.sort_unstable();
    phones.dedup();
    assert_eq!(phones.len(), THERE);
    assert!(!phones.contains(&"+6281200000001"), "the owner's");
    for one in all {
        assert_eq!(
            (&one["anchor_day"], &one["paused"]),
            (&json!(10), &json!(false))
        );
    }
    let other = operator.does("pesan subscribers list demo2 --json").json();
    assert_eq!(other["subscribers"], json!([]));
}

#[tokio::test]
async fn d23_the_same_file_twice_changes_nothing_and_two_may_share_a_number() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    operator.file("list.csv", FILE);
    let dry = operator
        .does("pesan subscribers import demo list.csv --dry-run --json")
        .json();
    assert_eq!(dry["written"], false);
    assert_eq!(counts(&dry), [3, 0, 0, 0, 1]);
    assert_eq!(rows(&stack).await.len(), THERE);

    let import = "pesan subscribers import demo list.csv --json";
    assert_eq!(counts(&operator.does(import).json()), [3, 0, 0, 0, 1]);
    let once = stack.rows().await;
    assert_eq!(rows(&stack).await.len(), THERE + 3);
    assert_eq!(counts(&operator.does(import).json()), [0, 0, 3, 0, 1]);
    assert_eq!(stack.rows().await, once);

    let changed = FILE.replace("Tono,+6281200002001", "Tono,+6281200002003");
    operator.file("list.csv", &changed);
    assert_eq!(counts(&operator.does(import).json()), [0, 1, 2, 0, 1]);
    let shown = operator.does("pesan subscribers show demo c --json").json();
    assert_eq!(shown["phone"], "+6281200002003");
}

#[tokio::test]
async fn an_answer_of_the_table_that_is_lost_changes_nothing_of_what_is_told() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    operator.file("list.csv", FILE);
    // As often as the client asks by itself, under one token.
    let lost = json!({
        "at": "dynamodb", "op": "TransactWriteItems", "fault": "timeout_after", "times": 3,
    });
    stack.fault(lost).await;
    let done = operator.does("pesan subscribers import demo list.csv --json");
    assert_eq!(counts(&done.json()), [3, 0, 0, 0, 1]);
    assert_eq!(rows(&stack).await.len(), THERE + 3);
}

#[tokio::test]
async fn without_ids_the_same_file_finds_the_same_subscribers() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    // As Excel writes it in Indonesia.
    let file = "\u{feff}Nama;No. WhatsApp;Paket;Jatuh Tempo\r\n\
                \"Andi\r\nWijaya\";81200002001;dasar;31\r\n\
                Sari;0812-0000-2002;dasar;\r\n";
    operator.file("list.csv", file);
    let import = "pesan subscribers import demo list.csv --json";
    assert_eq!(counts(&operator.does(import).json()), [2, 0, 0, 0, 2]);
    assert_eq!(counts(&operator.does(import).json()), [0, 0, 2, 0, 2]);
    let twice = format!("{file}sari;+6281200002002;dasar;\r\n");
    operator.file("list.csv", &twice);
    let refused = operator.is_refused("pesan subscribers import demo list.csv");
    assert!(
        refused.contains("line 5: id: name and number are those of line 4: give both an id"),
        "{refused}"
    );
    // A name that was corrected may be the same person, who would be billed twice.
    let corrected = file.replace("Sari", "Sari Dewi");
    operator.file("list.csv", &corrected);
    let refused = operator.is_refused("pesan subscribers import demo list.csv");
    assert!(
        refused.contains("line 4: phone: s-") && refused.contains("has this number"),
        "{refused}"
    );
    for twice in [
        "name,phone,plan\nTini,081200002009,dasar\nTono,081200002009,dasar\n",
        "id,name,phone,plan\ntini,Tini,081200002009,dasar\n,Tono,081200002009,dasar\n",
    ] {
        operator.file("list.csv", twice);
        let refused = operator.is_refused("pesan subscribers import demo list.csv");
        let reason = "line 3: phone: the number is that of line 2";
        assert!(refused.contains(reason), "{refused}");
    }
}

#[tokio::test]
async fn f11_each_row_is_taken_corrected_or_refused_by_line_column_and_reason() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    let bad = "d,Dedi,6.28E+12,dasar\n\
               a,Other,081200002009,dasar\n\
               e,Eka,081200002005,emas\n\
               \"f\",\"=1+1\",\"0215551234\",dasar\n";
    operator.file("list.csv", &format!("{FILE}{bad}"));
    let refused = operator.is_refused("pesan subscribers import demo list.csv --report rows.csv");
    for line in [
        "line 3: phone: \"081200002002\" read as \"+6281200002002\"; plan: \"Paket Dasar\" read as \"dasar\"",
        "line 5: phone: was shortened by a spreadsheet",
        "line 6: id: a is line 2 already",
        "line 7: plan: there is no plan \"emas\"",
        "line 8: phone: is no Indonesian mobile number",
        "3 new, 0 changed, 0 unchanged, 4 refused; 1 corrected",
        "nothing was written",
    ] {
        assert!(refused.contains(line), "{line}: {refused}");
    }
    assert_eq!(rows(&stack).await.len(), THERE);
    let report = operator.read("rows.csv");
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines.len(), 8);
    assert_eq!(lines[0], "line,id,outcome,column,reason,corrections");
    assert_eq!(lines[1], "2,a,new,,,");
    assert!(lines[4].starts_with("5,,refused,phone,"), "{report}");
    assert!(lines[5].starts_with("6,a,refused,id,"), "{report}");

    let skipped = operator
        .does("pesan subscribers import demo list.csv --skip-refused --json")
        .json();
    assert_eq!(skipped["written"], true);
    assert_eq!(counts(&skipped), [3, 0, 0, 4, 1]);
    assert_eq!(skipped["first_refused"][0]["line"], 5);
    assert_eq!(rows(&stack).await.len(), THERE + 3);
}

#[tokio::test]
async fn a_file_that_is_no_list_of_subscribers_is_refused_as_a_whole() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    for (file, why) in [
        (format!("{HEADING}x"), "--report"),
        (HEADING.to_owned(), "no rows"),
        (
            "id,name,phone,plan,alamat\na,b,c,d,e\n".to_owned(),
            "\"alamat\"",
        ),
        (
            "id,name,phone\na,b,c\n".to_owned(),
            "the column plan is missing",
        ),
        (
            "nama,name,phone,plan\na,b,c,d\n".to_owned(),
            "name is there twice",
        ),
    ] {
        operator.file("list.csv", &file);
        let report = if why == "--report" {
            " --report list.csv"
        } else {
            ""
        };
        let refused = operator.is_refused(&format!(
            "pesan subscribers import demo list.csv --skip-refused{report}"
        ));
        assert!(refused.contains(why), "{file}: {refused}");
        assert_eq!(operator.read("list.csv"), file);
    }
    let latin1 = [FILE.as_bytes(), b"d,Ren\xe9,081200002005,dasar\n"].concat();
    std::fs::write(operator.folder().join("old.csv"), latin1).unwrap();
    let refused = operator.is_refused("pesan subscribers import demo old.csv --skip-refused");
    assert!(refused.contains("line 5 is not UTF-8"), "{refused}");
    assert_eq!(rows(&stack).await.len(), THERE);
}

#[tokio::test]
async fn h8_an_export_runs_no_formula_and_reads_back_unchanged() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    let names = "a,\"=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\",081200002001,dasar\n\
                 b,'+1,081200002002,dasar\n\
                 c,\"Toko;=1+1, \"\"-2\",081200002003,dasar\n\
                 d,@x,081200002004,dasar\n\
                 e,'Aisyiyah,081200002005,dasar\n\
                 f,\"Tab\t=1\nBaris\",081200002006,dasar\n";
    operator.file("list.csv", &format!("{HEADING}{names}"));
    operator.does("pesan subscribers import demo list.csv");
    let zero = "id,name,phone,plan\ng,Nul\0,081200002007,dasar\n";
    operator.file("nul.csv", zero);
    let refused = operator.is_refused("pesan subscribers import demo nul.csv");
    assert!(
        refused.contains("line 2: name: holds a line break or another control"),
        "{refused}"
    );

    operator.does("pesan subscribers export demo --output all.csv");
    let export = operator.read("all.csv");
    for cell in [
        "a,\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\",'+6281200002001,",
        "b,'+1,'+6281200002002,",
        "c,\"Toko;'=1+1, \"\"'-2\",",
        "d,'@x,",
        "e,''Aisyiyah,",
        "f,Tab =1 Baris,",
    ] {
        assert!(export.contains(cell), "{cell}: {export}");
    }
    let before = stack.rows().await;
    let again = operator
        .does("pesan subscribers import demo all.csv --json")
        .json();
    let all = u64::try_from(THERE).unwrap() + 6;
    assert_eq!(counts(&again), [0, 0, all, 0, 0]);
    assert_eq!(stack.rows().await, before);
    let printed = operator.does("pesan subscribers export demo").out;
    assert_eq!(printed.trim_end(), export.trim_end());
    // On an empty table it makes the same subscribers, in whatever order.
    operator.does("pesan plans add demo2 dasar --name Dasar --fee 1");
    operator.does("pesan subscribers import demo2 all.csv");
    let mut copy: Vec<String> = lines(&operator.does("pesan subscribers export demo2").out);
    let mut original = lines(&export);
    copy.sort();
    original.sort();
    assert_eq!(copy, original);
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_list_is_read_in_parts_and_a_subscriber_is_paused_and_resumed() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    let mut ids = Vec::new();
    let mut from = String::new();
    loop {
        let part = operator
            .does(&format!(
                "pesan subscribers list demo --limit 4 --json{from}"
            ))
            .json();
        let some = part["subscribers"].as_array().unwrap();
        assert!(some.len() <= 4);
        ids.extend(
            some.iter()
                .map(|one| one["id"].as_str().unwrap().to_owned()),
        );
        match part["next"].as_str() {
            Some(next) => from = format!(" --from {next}"),
            None => break,
        }
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), THERE);
    let refused = operator.is_refused("pesan subscribers list demo --from x");
    assert!(refused.contains("begin the list anew"), "{refused}");

    operator.does("pesan subscribers pause demo plg-001");
    let rows = stack.rows().await;
    operator.does("pesan subscribers pause demo plg-001");
    assert_eq!(stack.rows().await, rows, "once more changes nothing");
    let shown = |json: &str| operator.does(json).json()["paused"].clone();
    assert_eq!(shown("pesan subscribers show demo plg-001 --json"), true);
    operator.does("pesan subscribers resume demo plg-001");
    assert_eq!(shown("pesan subscribers show demo plg-001 --json"), false);
    for (line, why) in [
        (
            "pesan subscribers show demo nobody",
            "there is no subscriber nobody",
        ),
        (
            "pesan subscribers pause demo nobody",
            "there is no subscriber nobody",
        ),
        ("pesan subscribers list toko", "there is no merchant toko"),
        ("pesan subscribers show demo PLG", "1 to 24 small letters"),
    ] {
        let refused = operator.is_refused(line);
        assert!(refused.contains(why), "{line}: {refused}");
    }
}

#[tokio::test]
async fn a_plan_is_made_once_changed_and_archived() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    operator.does("pesan plans add demo pro --name Pro --fee 250000");
    operator.does("pesan plans set demo pro --fee 300000");
    operator.does("pesan plans remove demo dasar");
    let plans = operator.does("pesan plans list demo --json").json();
    let plan = |id: &str, name: &str, fee: u32, archived: bool| json!({"id": id, "name": name, "monthly_fee": fee, "archived": archived});
    assert_eq!(
        plans["plans"],
        json!([
            plan("dasar", "Paket Dasar", 150_000, true),
            plan("pro", "Pro", 300_000, false),
        ])
    );

    // Who has an archived plan keeps it; nobody else gets it.
    operator.does("pesan subscribers export demo --output all.csv");
    let all = operator.read("all.csv");
    let file = format!("{all}x,Baru,081200002001,dasar,,,,,,,,,\n");
    operator.file("all.csv", &file);
    let refused = operator.is_refused("pesan subscribers import demo all.csv");
    assert!(
        refused.contains("line 27: plan: the plan dasar is archived"),
        "{refused}"
    );
    assert!(refused.contains("25 unchanged, 1 refused"), "{refused}");
    operator.does("pesan plans set demo dasar --archived false");
    operator.does("pesan subscribers import demo all.csv");

    for (line, why) in [
        (
            "pesan plans add demo pro --name Pro --fee 1",
            "there is a plan pro already",
        ),
        ("pesan plans add demo x --name X --fee 0", "whole rupiah"),
        (
            "pesan plans add demo x --name X --fee 1.500",
            "whole rupiah",
        ),
        (
            "pesan plans add demo x --name X --fee 1000000000",
            "monthly_fee",
        ),
        ("pesan plans add demo x --name ' ' --fee 1", "name:"),
        ("pesan plans set demo gold --fee 1", "there is no plan gold"),
        ("pesan plans list toko", "there is no merchant toko"),
    ] {
        let refused = operator.is_refused(line);
        assert!(refused.contains(why), "{line}: {refused}");
    }
}

#[tokio::test]
async fn a_stop_on_whatsapp_is_known_of_everyone_with_that_number_until_they_write_mulai() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    operator.file("list.csv", FILE);
    operator.does("pesan subscribers import demo list.csv");
    let opted_out = |id: &str| {
        let line = format!("pesan subscribers show demo {id} --json");
        operator.does(&line).json()["opted_out"]["source"].clone()
    };
    stack.writes("6281200002001", "STOP", 1).await;
    assert_eq!(
        ["a", "b", "c"].map(opted_out),
        [json!("WhatsApp STOP"), Value::Null, json!("WhatsApp STOP")]
    );

    // A file from before does not take it back.
    operator.does("pesan subscribers import demo list.csv");
    assert_eq!(opted_out("a"), "WhatsApp STOP");
    // In the same second STOP would hold.
    stack.advance("1m").await;
    stack.writes("6281200002001", "MULAI", 1).await;
    assert_eq!(["a", "c"].map(opted_out), [Value::Null, Value::Null]);
}

#[tokio::test]
async fn a_subscriber_is_made_changed_and_taken_out_from_the_terminal() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    let add = "pesan subscribers add demo --subscriber ani --name Ani --phone 0812-3456-7890 --plan dasar";
    let made = operator
        .does(&format!("{add} --anchor-day 31 --json"))
        .json();
    assert_eq!(made["phone"], "+6281234567890");
    assert_eq!(made["anchor_day"], 31);
    assert_eq!(made["zone"], "Asia/Jakarta");
    assert!(
        operator.is_refused(add).contains("ani"),
        "somebody has that id"
    );
    for (wrong, says) in [
        ("--anchor-day 32", "1 to 31"),
        ("--phone 021555", "08"),
        ("--plan emas", "emas"),
        ("--zone Asia/Tokyo", "zone"),
    ] {
        let line = format!("pesan subscribers set demo ani {wrong}");
        let refused = operator.is_refused(&line);
        assert!(refused.contains(says), "{wrong}: {refused}");
    }
    let set =
        "pesan subscribers set demo ani --phone 081234567891 --language en --opted-out call --json";
    let changed = operator.does(set).json();
    assert_eq!(changed["phone"], "+6281234567891");
    assert_eq!(changed["language"], "en");
    assert_eq!(changed["opted_out"]["source"], "call");
    assert_eq!(changed["anchor_day"], 31, "what is not named stays");
    let back = operator
        .does("pesan subscribers set demo ani --consent form --json")
        .json();
    assert_eq!(
        (&back["opted_out"], &back["consent"]["source"]),
        (&Value::Null, &json!("form"))
    );

    // What they said themselves only they take back.
    stack.writes("6281234567891", "STOP", 1).await;
    let refused = operator.is_refused("pesan subscribers set demo ani --consent form");
    assert!(refused.contains("MULAI"), "{refused}");
    // It was said of that number, and stays with it.
    for (number, source) in [
        ("081234567892", Value::Null),
        ("081234567891", json!("WhatsApp STOP")),
    ] {
        let moved = format!("pesan subscribers set demo ani --phone {number} --json");
        let moved = operator.does(&moved).json();
        assert_eq!(moved["opted_out"]["source"], source, "{number}");
    }

    let refused = operator.is_refused("pesan subscribers remove demo ani");
    assert!(refused.contains("--yes"), "{refused}");
    operator.does("pesan subscribers show demo ani");
    operator.does("pesan subscribers remove demo ani --yes");
    operator.is_refused("pesan subscribers show demo ani");
}
