package interop;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaLogger;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.util.Map;

/** A Lambda function that talks: the same in Python, Node.js and Java (see the README in interop/). */
public class Talk implements RequestHandler<Map<String, Integer>, Map<String, Integer>> {
  /** Says something in every way; the second order is one too many. */
  @Override
  public Map<String, Integer> handleRequest(Map<String, Integer> event, Context context) {
    int order = event.get("order");
    LambdaLogger logger = context.getLogger();
    System.out.println("order " + order + ": a plain line");
    logger.log("order " + order + ": a detail", LogLevel.DEBUG);
    logger.log("order " + order + ": a fact", LogLevel.INFO);
    logger.log("order " + order + ": a doubt", LogLevel.WARN);
    logger.log("order " + order + ": a fault", LogLevel.ERROR);
    logger.log("order " + order + ": a disaster", LogLevel.FATAL);
    logger.log("order " + order + ": a first line\nand a second", LogLevel.INFO);
    if (order == 2) {
      throw new IllegalStateException("order 2: one too many");
    }
    return Map.of("order", order);
  }
}
