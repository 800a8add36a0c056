//! The application's two databases, and what its writers say to them.

/// One database of the server, its owner, and the statements of a writer. Every statement is one commit that changes a
/// versioned row and keeps the event `(writer, number)` beside it, and returns the row's key and version.
#[derive(Debug)]
pub struct Shop {
    /// The database's name.
    pub database: &'static str,
    /// The role that owns its tables and writes.
    pub owner: &'static str,
    /// Tables, keys and rows to begin with; `:name` stands for a number of rows.
    pub schema: &'static str,
    /// What was there before the application started and must stay as it was: a table and its condition.
    pub seeded: [(&'static str, &'static str); 3],
    /// A new row. `$1` writer, `$2` number.
    pub place: &'static str,
    /// The next version of a row. `$3` its key, `$4` its version now.
    pub change: &'static str,
    /// The end of a row. `$3` its key, `$4` its version now.
    pub remove: &'static str,
    /// Was `(writer, number)` committed? `$1` writer, `$2` number.
    pub lookup: &'static str,
    /// Every event of the writers: writer, number, action, row, version.
    pub events: &'static str,
    /// Every row of the writers: key, version.
    pub rows: &'static str,
}

/// What the application has.
pub static SHOPS: [Shop; 2] = [ORDERS, BILLING];

const ORDERS: Shop = Shop {
    database: "orders",
    owner: "orders_app",
    schema: include_str!("orders.sql"),
    seeded: [
        ("customers", "true"),
        ("orders", "writer = 0"),
        ("order_events", "writer = 0"),
    ],
    place: "WITH placed AS (
              INSERT INTO orders (customer_id, writer, status, total, items)
              VALUES (1 + $2::bigint % 100, $1::int, 'placed', ($2::bigint % 9999) / 100.0, jsonb_build_object('sku', $2::bigint % 500))
              RETURNING id, version)
            INSERT INTO order_events (writer, number, action, order_id, version)
            SELECT $1::int, $2::bigint, 'place', id, version FROM placed RETURNING order_id, version",
    change: "WITH changed AS (
               UPDATE orders SET version = version + 1, status = 'packed', total = total + 0.01
               WHERE id = $3::bigint AND version = $4::int AND writer = $1::int RETURNING id, version)
             INSERT INTO order_events (writer, number, action, order_id, version)
             SELECT $1::int, $2::bigint, 'change', id, version FROM changed RETURNING order_id, version",
    remove: "WITH removed AS (
               DELETE FROM orders
               WHERE id = $3::bigint AND version = $4::int AND writer = $1::int RETURNING id, version)
             INSERT INTO order_events (writer, number, action, order_id, version)
             SELECT $1::int, $2::bigint, 'remove', id, version FROM removed RETURNING order_id, version",
    lookup: "SELECT order_id, version FROM order_events WHERE writer = $1::int AND number = $2::bigint",
    events: "SELECT writer, number, action, order_id, version FROM order_events WHERE writer > 0",
    rows: "SELECT id, version FROM orders WHERE writer > 0",
};

const BILLING: Shop = Shop {
    database: "billing",
    owner: "billing_app",
    schema: include_str!("billing.sql"),
    seeded: [
        ("accounts", "true"),
        ("invoices", "writer = 0"),
        ("payments", "writer = 0"),
    ],
    place: "WITH placed AS (
              INSERT INTO invoices (account_id, writer, amount)
              VALUES (1 + $2::bigint % 50, $1::int, ($2::bigint % 9999) / 100.0) RETURNING id, version, amount)
            INSERT INTO payments (writer, number, action, invoice_id, version, amount)
            SELECT $1::int, $2::bigint, 'place', id, version, amount FROM placed RETURNING invoice_id, version",
    change: "WITH changed AS (
               UPDATE invoices SET version = version + 1, paid = NOT paid, amount = amount + 0.01
               WHERE id = $3::bigint AND version = $4::int AND writer = $1::int RETURNING id, version, amount)
             INSERT INTO payments (writer, number, action, invoice_id, version, amount)
             SELECT $1::int, $2::bigint, 'change', id, version, amount FROM changed RETURNING invoice_id, version",
    remove: "WITH removed AS (
               DELETE FROM invoices
               WHERE id = $3::bigint AND version = $4::int AND writer = $1::int RETURNING id, version, amount)
             INSERT INTO payments (writer, number, action, invoice_id, version, amount)
             SELECT $1::int, $2::bigint, 'remove', id, version, amount FROM removed RETURNING invoice_id, version",
    lookup: "SELECT invoice_id, version FROM payments WHERE writer = $1::int AND number = $2::bigint",
    events: "SELECT writer, number, action, invoice_id, version FROM payments WHERE writer > 0",
    rows: "SELECT id, version FROM invoices WHERE writer > 0",
};
