"""Real Apache Kafka (KRaft) on loopback, from Maven's jars, for tests and trials."""

from deploy.kafka.cluster import KafkaCluster, KafkaClusterError

__all__ = ["KafkaCluster", "KafkaClusterError"]
