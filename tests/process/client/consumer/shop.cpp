/// @file  Pays an order and enqueues what is to follow, in one transaction: `shop URL commit|rollback`.

#include <cstring>
#include <iostream>
#include <oiab/client.hpp>
#include <pqxx/pqxx>

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    pqxx::connection connection{argv[1]};
    pqxx::work tx{connection};
    tx.exec("UPDATE orders SET state = 'paid' WHERE id = 7").no_rows();

    oiab::client::NewJob receipt;
    receipt.kind = "send-receipt";
    receipt.payload = R"({"order": 7})";
    receipt.dedupe_key = "receipt-7";
    receipt.delay = std::chrono::minutes{10};
    const auto enqueued = oiab::client::enqueue(tx, receipt);

    oiab::client::Batch batch{tx};
    for (int item = 1; item <= 3; ++item) {
        oiab::client::NewJob ship;
        ship.kind = "ship-item";
        ship.payload = std::to_string(item);
        batch.add(ship);
    }
    batch.add(receipt);
    const auto counts = batch.finish();

    if (std::strcmp(argv[2], "commit") == 0) tx.commit();
    std::cout << enqueued.inserted << ' ' << counts.enqueued << ' ' << counts.already_pending << '\n';
}
