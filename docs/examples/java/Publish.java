import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.message.BinaryMessageEncoder;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Publish.java BROKER AudioChunk.avsc RECORDING URI: publishes one chunk, without a registry. */
public class Publish {
  public static void main(String[] arguments) throws Exception {
    var schema = new Schema.Parser().parse(Files.readString(Path.of(arguments[1])));
    var chunk = new GenericRecordBuilder(schema) // fields left out get their defaults
        .set("recording_id", arguments[2])
        .set("chunk_id", "0")
        .set("sequence", 0)
        .set("start_s", 0.0)
        .set("uri", arguments[3])
        .set("last", true)
        .build();
    var buffer = new BinaryMessageEncoder<GenericRecord>(GenericData.get(), schema).encode(chunk);
    var value = new byte[buffer.remaining()];
    buffer.get(value);
    var settings = Map.<String, Object>of("bootstrap.servers", arguments[0]);
    try (var producer = new KafkaProducer<>(
        settings, new StringSerializer(), new ByteArraySerializer())) {
      producer.send(new ProducerRecord<>("audio-chunks", arguments[2], value)).get();
    }
  }
}
